//! What several test modules share.

pub mod bytes;
pub mod flink;

/// An address at which nobody answers, for as long as the handle lives: bound, so that nobody else gets the port, and not
/// listening, so that whoever connects is refused.
pub fn nobody() -> (tokio::net::TcpSocket, String) {
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", bound.local_addr().unwrap());
    (bound, url)
}
