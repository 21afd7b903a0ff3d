//! A proxy on loopback that can keep one answer to itself: the cluster has acted, and who asked never hears of it.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedWriteHalf},
};

/// Called instead of passing the answer on.
type Instead = Box<dyn FnOnce() + Send>;

/// The request whose answer is kept: method, end of the path, what happens instead.
type Trap = Arc<Mutex<Option<(&'static str, &'static str, Instead)>>>;

/// Ends with this handle.
pub struct Proxy {
    port: u16,
    trap: Trap,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// In front of `http://HOST:PORT`.
    pub async fn before(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let trap = Trap::default();
        let ours = Arc::clone(&trap);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&upstream).await {
                    tokio::spawn(relay(client, server, Arc::clone(&ours)));
                }
            }
        });
        Self { port, trap, accepting }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next such request is passed on, its answer is not.
    pub fn keep_answer(
        &self,
        method: &'static str,
        path_end: &'static str,
        instead: impl FnOnce() + Send + 'static,
    ) {
        *self.trap.lock().unwrap() = Some((method, path_end, Box::new(instead)));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Bytes in both directions. A request begins with the first bytes after an answer, so its line stands in one read.
async fn relay(client: TcpStream, server: TcpStream, trap: Trap) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let caught: Arc<Mutex<Option<Instead>>> = Arc::default();
    let set = Arc::clone(&caught);
    let asking = tokio::spawn(async move {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n @ 1..) = from_client.read(&mut buffer).await {
            if let Some(instead) = catch(&trap, &buffer[..n]) {
                *set.lock().unwrap() = Some(instead);
            }
            if to_server.write_all(&buffer[..n]).await.is_err() {
                return;
            }
        }
    });
    answer(&mut from_server, &mut to_client, &caught).await;
    asking.abort();
}

async fn answer(
    from: &mut tokio::net::tcp::OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    caught: &Mutex<Option<Instead>>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if let Some(instead) = caught.lock().unwrap().take() {
            return instead();
        }
        if to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

fn catch(trap: &Trap, bytes: &[u8]) -> Option<Instead> {
    let mut trap = trap.lock().unwrap();
    let (method, path_end, _) = trap.as_ref()?;
    let line = bytes.split(|b| *b == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let path = line.strip_prefix(method)?.trim_start().split(' ').next()?;
    if !path.ends_with(path_end) {
        return None;
    }
    trap.take().map(|(_, _, instead)| instead)
}
