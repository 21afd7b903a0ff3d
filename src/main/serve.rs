//! `nutkin serve`: one process that owns a state directory.
//!
//! ```text
//!   paths, settings ─→ state directory ─→ lock ─→ log ─→ store ─→ manager ─→ socket ─→ ready
//!                                           │ held: another one serves                  │
//!                                           └─→ leave                SIGTERM, idle ─→ drain, close, leave
//! ```

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use nutkin::{
    adapters::{
        clock::SystemClock,
        flink::FlinkFactory,
        jar::ZipJars,
        random::SystemRandom,
        sqlite::{
            self, OpenError,
            lock::{self, Holder, Lock, LockError},
            state_dir::{self, StateDir},
        },
        target::Eyes,
    },
    config::{Paths, Settings, paths::Surroundings},
    contract::{
        API_LEVEL, MIN_CLIENT_LEVEL,
        problem::{Code, Problem},
    },
    domain::time::Clock,
    faces::cli::{Exit, Global, ServeArgs, address, context, profile},
    manager::{self, Deps, Manager, ManagerSettings},
    server::{self, Access, Limits},
};
use rustix::fs::Mode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{logging, readiness::Readiness};

/// Version of this build, as `/healthz` shows it.
const BUILD: &str = env!("CARGO_PKG_VERSION");

/// What a manager starts from.
struct Ground {
    paths: Paths,
    settings: Settings,
    dir: StateDir,
    socket: PathBuf,
    lock: Lock,
}

/// Runs the manager until it is told to leave.
pub fn run(global: &Global, args: &ServeArgs) -> Exit {
    let readiness = if args.detached { Readiness::Pipe } else { Readiness::Person };
    if args.detached {
        detach();
    }
    // Whatever is made here is the user's own.
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let ground = match prepare(global, args) {
        Ok(Some(ground)) => ground,
        Ok(None) => {
            let problem = Problem::new(Code::AlreadyExists, "another manager serves this state directory")
                .hint("`nutkin manager status` tells which");
            readiness.held(&problem);
            return if args.detached { Exit::OK } else { Exit(problem.code.exit_code()) };
        }
        Err(problem) => return failed(readiness, &problem),
    };
    let log = match logging::begin(&ground.paths.log_dir(), args.foreground) {
        Ok(log) => log,
        Err(problem) => return failed(readiness, &problem),
    };
    let Ok(runtime) = super::runtime(4) else { return Exit::FAILED };
    let served = runtime.block_on(serve(ground, readiness, args));
    drop(log);
    match served {
        Ok(()) => Exit::OK,
        Err(problem) => failed(readiness, &problem),
    }
}

fn failed(readiness: Readiness, problem: &Problem) -> Exit {
    tracing::error!(code = %problem.code, "{problem}");
    readiness.failed(problem);
    Exit(problem.code.exit_code())
}

/// Its own session: the end of the client's terminal is not its own end.
fn detach() {
    // Fails only for a process that leads its group already, which then has what it wants.
    rustix::process::setsid().ok();
    std::env::set_current_dir("/").ok();
}

/// Everything before the first thread: paths, settings, directory, lock. `None`: another manager holds the lock.
fn prepare(global: &Global, args: &ServeArgs) -> Result<Option<Ground>, Problem> {
    if let Some(address) = &args.listen {
        return Err(Problem::new(Code::NotSupported, format!("--listen {address}: TCP is not built yet"))
            .hint("forward the socket through ssh"));
    }
    if let Some(server) = &global.server {
        let detail =
            format!("--server {server} names a manager, and this would be another; nothing was started");
        return Err(Problem::new(Code::BadRequest, detail)
            .hint("leave --server out; --socket PATH says where it listens"));
    }
    let around = Surroundings::of_process();
    let paths = address::find_paths(global, &around).map_err(|e| address::path_problem(&e))?;
    let loaded = context::load_settings(&paths, &around).map_err(|e| context::settings_problem(&e))?;
    if !args.detached && !global.quiet {
        profile::announce(&paths);
    }
    let dir = state_dir::prepare(&paths.state_dir).map_err(|e| store_problem(&e))?;
    let temporary = std::env::temp_dir();
    let socket = match &args.socket {
        Some(socket) => std::path::absolute(socket).unwrap_or_else(|_| socket.clone()),
        None => state_dir::socket_path(&dir.path, &temporary, rustix::process::geteuid().as_raw()),
    };
    if args.socket.is_none() {
        state_dir::prepare_socket(&dir, &socket).map_err(|e| store_problem(&e))?;
    }
    let levels = (API_LEVEL, MIN_CLIENT_LEVEL);
    let holder = Holder::this_process(socket.clone(), SystemClock.now_utc(), levels, BUILD);
    match lock::acquire(&dir.path, holder) {
        Ok(lock) => Ok(Some(Ground { paths, settings: loaded.settings, dir, socket, lock })),
        Err(LockError::Held(_)) => Ok(None),
        Err(LockError::Open(e)) => Err(store_problem(&e)),
    }
}

/// With the code, and so the exit code, that a client has for the same place.
fn store_problem(e: &OpenError) -> Problem {
    let code = match e {
        OpenError::NetworkFileSystem { .. } => Code::NotSupported,
        e if e.is_of_the_place() => Code::BadRequest,
        _ => Code::StoreFailed,
    };
    Problem::new(code, e.to_string())
}

/// Store, manager, socket; then until it is told to leave.
async fn serve(ground: Ground, readiness: Readiness, args: &ServeArgs) -> Result<(), Problem> {
    let Ground { settings, dir, socket, lock, .. } = ground;
    tracing::info!(build = BUILD, state = %dir.path.display(), "starting");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (store, opened) = sqlite::open(&dir.path, Arc::clone(&clock)).await.map_err(|e| store_problem(&e))?;
    if opened.unclean {
        let checked = if opened.check_pending {
            "it is large and is checked now"
        } else {
            "it was checked and is sound"
        };
        tracing::warn!("the last manager did not close the store; {checked}");
    }
    if let Some(why) = &opened.read_only {
        tracing::warn!(%why, "read-only");
    }
    let deps = Deps {
        store,
        clusters: Arc::new(FlinkFactory::new(Arc::clone(&clock))),
        eyes: Arc::new(Eyes),
        random: Arc::new(SystemRandom),
        jars: Arc::new(ZipJars),
        clock,
    };
    let patience = manager::patience().map_err(|e| Problem::new(Code::BadRequest, e))?;
    let behaviour = ManagerSettings {
        patience,
        check_store: opened.check_pending,
        ..behaviour(&settings, &dir.path, opened.read_only.is_some(), args.detached)
    };
    let clock = Arc::clone(&deps.clock);
    let manager = Manager::start(deps, behaviour).await.map_err(Problem::from)?;
    let access = Access::new(
        rustix::process::geteuid().as_raw(),
        &settings.access.operators,
        &settings.access.viewers,
    );
    let listener = server::bind(&socket, &access).map_err(|e| not_listening(&socket, &e))?;
    let leaving = CancellationToken::new();
    let router = server::router(manager.clone(), clock, leaving.clone());
    readiness.ready(&socket);
    if let Some(folder) = server::closed_to_others(&socket, &access) {
        let text = format!(
            "nobody named under [access] can come in: {} is closed to others; serve with --socket PATH in a folder that \
             they may enter, for example /run/nutkin/manager.sock, and they use --server unix:PATH",
            folder.display()
        );
        readiness.remark(&text);
        tracing::warn!("{text}");
    }
    tracing::info!(socket = %socket.display(), "ready");
    let told = async {
        told_to_leave(&manager).await;
        leaving.cancel();
    };
    tokio::join!(server::serve(listener, router, access, Limits::default(), leaving.clone()), told);
    manager.stop().await;
    // Clients that connect now find nobody and start the next one, which waits for the lock.
    std::fs::remove_file(&socket).ok();
    drop(lock);
    tracing::info!("left");
    Ok(())
}

fn behaviour(settings: &Settings, state_dir: &Path, read_only: bool, detached: bool) -> ManagerSettings {
    let m = &settings.manager;
    ManagerSettings {
        poll_interval: m.poll_interval.0,
        poll_interval_idle: m.poll_interval_idle.0,
        secrets_dir: m.secrets_dir.as_ref().map(PathBuf::from),
        secret_env: m.secret_env.clone(),
        read_only: read_only || settings.read_only,
        // One that somebody runs as a service stays.
        idle_exit: Some(m.idle_exit.0).filter(|d| detached && !d.is_zero()),
        events_keep: Some(settings.recorder.events_keep.0).filter(|d| !d.is_zero()),
        concurrency: usize::try_from(m.concurrency).unwrap_or(usize::MAX),
        build: BUILD.to_owned(),
        check_store: false,
        state_dir: state_dir.to_owned(),
        patience: manager::Patience::default(),
    }
}

fn not_listening(socket: &Path, e: &std::io::Error) -> Problem {
    Problem::new(Code::StoreFailed, format!("{} cannot be listened on: {e}", socket.display()))
        .hint("name another place with --socket PATH")
}

/// SIGTERM, SIGINT, or the manager's own wish.
async fn told_to_leave(manager: &Manager) {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else { return manager.leaving().await };
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM"),
        _ = interrupt.recv() => tracing::info!("SIGINT"),
        () = manager.leaving() => tracing::info!("the manager leaves by itself"),
    }
}

#[cfg(test)]
mod tests {
    use nutkin::domain::read_only::ReadOnly;

    use super::*;

    #[test]
    fn a_badly_chosen_place_is_a_mistake_in_the_call_and_a_broken_store_is_none() {
        let path = || PathBuf::from("/s");
        let suggestion = PathBuf::from("/var/tmp/nutkin-7");
        let place = [
            OpenError::NetworkFileSystem { path: path(), kind: "NFS", suggestion },
            OpenError::ReadOnly { path: path(), why: ReadOnly::Mount },
            OpenError::ForeignOwner { path: path(), owner: 1, ours: 7 },
            OpenError::Exposed { path: path(), mode: 0o777, why: "holds other files".into() },
            OpenError::WrongKind { path: path(), wanted: "a directory" },
            OpenError::Symlink(path()),
            OpenError::NotOurs(path()),
        ];
        for e in place {
            assert_eq!(store_problem(&e).code.exit_code(), 2, "{e}");
        }
        let store = [
            OpenError::Full(path()),
            OpenError::Damaged { path: path(), what: "x".into(), backups: path() },
            OpenError::Io { path: path(), what: "x".into() },
        ];
        for e in store {
            assert_eq!(store_problem(&e).code, Code::StoreFailed, "{e}");
        }
        // As clients say it, who look before they start a manager.
        let nfs = OpenError::NetworkFileSystem { path: path(), kind: "NFS", suggestion: path() };
        assert_eq!(store_problem(&nfs).code, Code::NotSupported);
    }
}
