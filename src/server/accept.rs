//! The accept loop: who is at the other end is decided before a byte is read.
//!
//! ```text
//!   accept ─▶ peer credentials ─▶ role ─┬─ none ─▶ one 403, closed
//!                                       └─ serve HTTP/1.1: 30 s for a request's head, then guard ─▶ route
//!   leaving ─▶ no new connections · running requests end · streams end · after 5 s everything is dropped
//! ```

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::IntoResponse};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::{Guest, access::Access, error::Failure, people::People};
use crate::contract::problem::{Code, Problem};

/// Bytes of a request's head.
const HEAD_BYTES: usize = 64 * 1024;

/// What one client can take from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time for a request's head, and for an idle connection's next request.
    pub head: Duration,
    /// Connections at the same time; more wait in the kernel's queue.
    pub connections: usize,
    /// Time for running requests to end when the manager leaves.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: Duration::from_secs(30), connections: 1024, grace: Duration::from_secs(5) }
    }
}

/// Binds the manager's socket, closed to others from its first moment; with people named in the configuration it is
/// open to connect to, and who they are is checked at accept. Only the holder of the state directory's lock may call
/// this: it removes what a manager that is gone left behind.
pub fn bind(path: &Path, access: &Access) -> io::Result<UnixListener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.file_type().is_socket() => std::fs::remove_file(path)?,
        Ok(_) => {
            let text = format!("{} is in the way and is not a socket", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
    let bound = std::os::unix::net::UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound?;
    listener.set_nonblocking(true)?;
    if !access.is_private() {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
    }
    UnixListener::from_std(listener)
}

/// The folder above the socket that keeps out everybody but this user (and its group), where the configuration names
/// others: they are welcome and cannot come.
#[must_use]
pub fn closed_to_others(socket: &Path, access: &Access) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let enterable = |dir: &&Path| std::fs::metadata(dir).is_ok_and(|m| m.permissions().mode() & 0o001 != 0);
    if access.is_private() {
        return None;
    }
    socket.ancestors().skip(1).find(|dir| !enterable(dir)).map(Path::to_owned)
}

/// Serves until `leaving` is cancelled.
pub async fn serve(
    listener: UnixListener,
    router: Router,
    access: Access,
    limits: Limits,
    leaving: CancellationToken,
) {
    let (door, places) = (
        Arc::new(Door { access, head: limits.head, people: People::default() }),
        Arc::new(Semaphore::new(limits.connections)),
    );
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            () = leaving.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = leaving.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let (router, door, leaving) = (router.clone(), Arc::clone(&door), leaving.clone());
                connections.spawn(async move {
                    let _place = place;
                    connection(stream, router, &door, leaving).await;
                });
            }
            Err(e) => {
                // Out of descriptors, as a rule: the connections at work give theirs back.
                tracing::warn!(error = %e, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.grace, all_ended).await.is_err() {
        tracing::warn!("requests were still running when the manager left");
    }
}

async fn connection(stream: UnixStream, router: Router, door: &Door, leaving: CancellationToken) {
    let guest = door.greet(&stream).await;
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (mut router, guest) = (router.clone(), guest.clone());
        async move {
            let mut request: Request = request.map(Body::new);
            match guest {
                Ok(guest) => {
                    request.extensions_mut().insert(guest);
                    router.call(request).await
                }
                Err(failure) => Ok::<_, Infallible>(failure.into_response()),
            }
        }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(door.head).max_buf_size(HEAD_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = leaving.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!(error = %e, "a connection broke off");
    }
}

/// Who is let in, and what they are called.
struct Door {
    access: Access,
    head: Duration,
    people: People,
}

impl Door {
    /// Finds out who is at the other end, from the kernel, and what they may do.
    async fn greet(&self, stream: &UnixStream) -> Result<Guest, Failure> {
        let unknown =
            |e: io::Error| Failure::new(Code::Forbidden, format!("the caller could not be identified: {e}"));
        let peer = stream.peer_cred().map_err(unknown)?;
        let person = self.people.find(peer.uid(), peer.gid(), !self.access.is_private()).await;
        if let Some(role) = self.access.role(&person) {
            return Ok(Guest { actor: person.name, role });
        }
        tracing::warn!(user = %person.name, "somebody who is not named in the configuration was turned away");
        let detail = format!("{} may not talk to this manager; nothing was changed", person.name);
        let hint = "its owner can name you or a group of yours under [access] in the configuration";
        Err(Failure(Problem::new(Code::Forbidden, detail).hint(hint)))
    }
}
