//! Streaming a jar to the cluster.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt as _;
use reqwest::multipart;
use tokio_util::io::ReaderStream;

use crate::{
    domain::time::Clock,
    manager::ports::cluster::{ClusterError, ClusterResult, Effect, ErrorKind},
};

use super::errors::plain;

/// A jar on this machine on its way to the cluster.
pub(super) struct JarFile<'a> {
    path: &'a Path,
    name: &'a str,
    sent: Arc<AtomicU64>,
}

impl<'a> JarFile<'a> {
    /// Flink takes names that end with `.jar` only, and makes the name part of a path.
    pub(super) fn new(path: &'a Path, name: &'a str, sent: Arc<AtomicU64>) -> ClusterResult<Self> {
        let plain_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        if !plain_name || !name.ends_with(".jar") || name.starts_with('.') {
            return Err(config(format!(
                "a jar cannot be uploaded as {name:?}: letters, digits, '-', '_' and .jar at the end"
            )));
        }
        Ok(Self { path, name, sent })
    }

    /// The form with the file, from its beginning.
    pub(super) async fn form(&self) -> ClusterResult<multipart::Form> {
        let unreadable =
            |e: std::io::Error| config(format!("cannot read {}: {e}; nothing was sent", self.path.display()));
        let file = tokio::fs::File::open(self.path).await.map_err(unreadable)?;
        let size = file.metadata().await.map_err(unreadable)?.len();
        self.sent.store(0, Ordering::Relaxed);
        let sent = self.sent.clone();
        let stream = ReaderStream::with_capacity(file, 64 << 10).inspect(move |chunk| {
            if let Ok(bytes) = chunk {
                sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
        });
        let part = multipart::Part::stream_with_length(reqwest::Body::wrap_stream(stream), size)
            .file_name(self.name.to_owned())
            .mime_str("application/java-archive")
            .map_err(|e| config(e.to_string()))?;
        Ok(multipart::Form::new().part("jarfile", part))
    }

    /// Ends when the counter has not moved for `limit`.
    pub(super) async fn stalled(&self, clock: &dyn Clock, limit: Duration) -> ClusterError {
        let (mut last, mut since) = (self.sent.load(Ordering::Relaxed), clock.boottime());
        loop {
            clock.sleep(limit / 12).await;
            let (sent, now) = (self.sent.load(Ordering::Relaxed), clock.boottime());
            if sent != last {
                (last, since) = (sent, now);
            } else if now.saturating_sub(since) >= limit {
                let message = format!(
                    "the upload of {} stood still for {} s after {sent} bytes and was given up",
                    self.name,
                    limit.as_secs_f32()
                );
                return plain(ErrorKind::Timeout, Effect::Possible, message);
            }
        }
    }
}

fn config(message: String) -> ClusterError {
    plain(ErrorKind::Config, Effect::None, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_harmless() {
        let path = Path::new("/x");
        assert!(JarFile::new(path, "nutkin-0123.jar", Arc::default()).is_ok());
        for bad in ["", "a.zip", "../a.jar", "a/b.jar", "a b.jar", ".jar", "a\u{202e}.jar", "a.jar\0"] {
            assert!(JarFile::new(path, bad, Arc::default()).is_err(), "{bad:?}");
        }
    }
}
