//! Artifacts: hashed first, uploaded only where the manager does not have them.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{Method, body::Frame, header};
use sha2::{Digest as _, Sha256};
use tokio_util::io::ReaderStream;

use super::{Client, ClientResult, http, internal, problem_of, read, routes};
use crate::contract::{
    IDEMPOTENCY_KEY, NAME_HEADER,
    model::Artifact,
    problem::{Code, Problem},
};

/// How far an upload is: bytes sent, bytes in all.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Header with the content hash that the sender computed; the manager compares.
const SHA_HEADER: &str = "nutkin-sha256";

impl Client {
    /// Brings a jar to the manager, unless it is there already.
    pub async fn upload(&self, jar: &Path, progress: Progress<'_>) -> ClientResult<Artifact> {
        let sha = hash(jar.to_owned()).await?;
        match self.get(&routes::artifact(&sha)).await {
            Err(p) if p.code == Code::NotFound => self.send_jar(jar, &sha, progress).await,
            known => known,
        }
    }

    async fn send_jar(&self, jar: &Path, sha: &str, progress: Progress<'_>) -> ClientResult<Artifact> {
        let file = tokio::fs::File::open(jar).await.map_err(|e| unreadable(jar, &e))?;
        let size = file.metadata().await.map_err(|e| unreadable(jar, &e))?.len();
        let name = jar.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let (reports, mut reported) = tokio::sync::mpsc::unbounded_channel();
        let chunks = ReaderStream::with_capacity(file, 256 << 10).map_ok(move |chunk: Bytes| {
            // The receiver lives as long as the request; a late chunk has nobody to tell.
            reports.send(chunk.len()).ok();
            Frame::data(chunk)
        });
        let request = self
            .request(Method::POST, routes::ARTIFACTS)
            .header(header::CONTENT_TYPE, "application/java-archive")
            .header(header::CONTENT_LENGTH, size)
            .header(IDEMPOTENCY_KEY, uuid::Uuid::new_v4().to_string())
            .header(NAME_HEADER, super::request::escape(&name))
            .header(SHA_HEADER, sha)
            .body(StreamBody::new(chunks.boxed()).boxed_unsync())
            .map_err(internal)?;

        let exchange = http::exchange(self.socket(), request);
        tokio::pin!(exchange);
        let mut sent = 0;
        let response = loop {
            tokio::select! {
                biased;
                Some(n) = reported.recv() => {
                    sent += u64::try_from(n).unwrap_or(0);
                    progress(sent, size);
                }
                response = &mut exchange => break response.map_err(|e| self.not_uploaded(&e))?,
            }
        };
        let status = response.status();
        let body = read(response.into_body()).await.map_err(|e| self.not_uploaded(&e))?;
        if !status.is_success() {
            return Err(problem_of(status, &body));
        }
        let artifact: Artifact = serde_json::from_slice(&body).map_err(internal)?;
        if artifact.sha256 == sha {
            return Ok(artifact);
        }
        let detail =
            format!("{} changed while it was uploaded; nothing refers to what arrived", jar.display());
        Err(Problem::new(Code::BadArtifact, detail).hint("wait for the build to finish, then run it again"))
    }
}

impl Client {
    /// An upload whose answer is lost is sent again without harm.
    fn not_uploaded(&self, e: &http::SendError) -> Problem {
        let problem = self.unreachable(e, None);
        if e.refused { problem } else { problem.hint("run it again: the same file is kept once") }
    }
}

/// The content hash of a file, 64 hex digits.
async fn hash(jar: PathBuf) -> ClientResult<String> {
    let hashed = tokio::task::spawn_blocking(move || {
        let mut file = File::open(&jar).map_err(|e| unreadable(&jar, &e))?;
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
        loop {
            match file.read(&mut buffer).map_err(|e| unreadable(&jar, &e))? {
                0 => break,
                n => hasher.update(buffer.get(..n).unwrap_or_default()),
            }
        }
        Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect::<String>())
    });
    hashed.await.map_err(internal)?
}

fn unreadable(jar: &Path, e: &std::io::Error) -> Problem {
    Problem::new(Code::BadRequest, format!("{} cannot be read: {e}; nothing was sent", jar.display()))
}
