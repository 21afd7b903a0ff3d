//! Jars by content hash. An upload is streamed to a fresh file and hashed on its way; nothing of its name is used.

use std::{path::PathBuf, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::{FromRequestParts as _, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt as _;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::verbs::DryRun;
use crate::{
    contract::{
        List, NAME_HEADER,
        model::Artifact,
        problem::{Code, Problem},
    },
    domain::ids::ArtifactSha,
    server::{
        App,
        error::{Answer, Failure},
        extract::{ActQuery, P, Q, Who, hex, key},
        once::once,
        paging::{self, Page},
    },
};

/// Bytes of one artifact.
const MAX_ARTIFACT: u64 = 2 * 1024 * 1024 * 1024;
/// An upload that brings nothing for so long is given up.
const STALLED: Duration = Duration::from_secs(60);
/// Header with the hash that the sender computed.
const SHA_HEADER: &str = "nutkin-sha256";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, upload)).routes(routes!(one))
}

/// Artifacts, newest first.
#[utoipa::path(get, path = "/artifacts", tag = "artifacts", params(Page), responses((status = 200, body = List<Artifact>)))]
async fn list(State(app): State<App>, Q(page): Q<Page>) -> Answer<Json<List<Artifact>>> {
    Ok(Json(paging::cut(app.manager.artifacts().await?, &page, |a| a.sha256.clone())?))
}

/// One artifact by its content hash.
#[utoipa::path(
    get, path = "/artifacts/{sha}", tag = "artifacts", params(("sha" = String, Path)),
    responses((status = 200, body = Artifact))
)]
async fn one(State(app): State<App>, P(sha): P<String>) -> Answer<Json<Artifact>> {
    Ok(Json(app.manager.artifact(&sha).await?))
}

/// Takes a jar: at most 2 GiB, streamed. The same content is kept once.
#[utoipa::path(
    post, path = "/artifacts", tag = "artifacts",
    request_body(content = Vec<u8>, content_type = "application/java-archive"),
    params(
        DryRun,
        ("nutkin-name" = Option<String>, Header, description = "File name for people, percent-encoded."),
        ("nutkin-sha256" = Option<String>, Header, description = "The hash that the sender computed; compared."),
    ),
    responses(
        (status = 201, body = Artifact),
        (status = 200, body = Artifact, description = "Of a dry run: what would be kept; nothing is."),
    )
)]
async fn upload(State(app): State<App>, request: Request) -> Answer<Response> {
    let (mut parts, body) = request.into_parts();
    let Who(caller) = Who::from_request_parts(&mut parts, &()).await?;
    let Q(ActQuery { dry_run }) = Q::from_request_parts(&mut parts, &()).await?;
    check_head(&parts, dry_run)?;
    let received = Received { path: app.manager.artifact_inbox()? };
    let sha = receive(body, &received.path).await?;
    if let Some(told) = header_text(&parts.headers, SHA_HEADER).filter(|t| !t.eq_ignore_ascii_case(&sha)) {
        let detail = format!("the file that arrived has the hash {sha}, not {told}; it was not kept");
        return Err(Failure(Problem::new(Code::BadArtifact, detail).hint("send it again")));
    }
    let name = label(&parts.headers);
    let hash = ArtifactSha::new(sha.clone());
    if dry_run {
        return Ok(Json(app.manager.examine_artifact(&received.path, &hash, &name).await?).into_response());
    }
    // The file is the request's body: the same key with another file is another request.
    let key = key(&parts, &sha)?;
    let kept = async { Ok(app.manager.keep_artifact(&received.path, &hash, &name, &caller).await?) };
    once(&app, &caller, Some(&key), StatusCode::CREATED, kept).await
}

/// What can be refused before the file comes.
fn check_head(parts: &Parts, dry_run: bool) -> Answer<()> {
    if !dry_run {
        key(parts, "")?;
    }
    let length =
        header_text(&parts.headers, header::CONTENT_LENGTH.as_str()).and_then(|l| l.parse::<u64>().ok());
    match length {
        Some(n) if n > MAX_ARTIFACT => Err(too_large()),
        _ => Ok(()),
    }
}

fn too_large() -> Failure {
    Failure::new(
        Code::TooLarge,
        format!("an artifact has at most {} MiB; nothing was kept", MAX_ARTIFACT >> 20),
    )
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// A file that is on its way; what is not taken over is removed.
struct Received {
    path: PathBuf,
}

impl Drop for Received {
    fn drop(&mut self) {
        // Gone already when it was kept; else the inbox is emptied at the next start anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Writes a body to a file; answers its hash.
async fn receive(mut body: Body, path: &std::path::Path) -> Answer<String> {
    let lost =
        |e: String| Failure::new(Code::BadRequest, format!("the upload broke off: {e}; nothing was kept"));
    let mut file = tokio::fs::OpenOptions::new().write(true).open(path).await.map_err(|e| not_written(&e))?;
    let (mut hash, mut size) = (Sha256::new(), 0u64);
    loop {
        let frame = tokio::time::timeout(STALLED, body.frame()).await;
        let frame = frame.map_err(|_| lost(format!("nothing came for {} s", STALLED.as_secs())))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|e| lost(e.to_string()))?;
        let Some(bytes) = frame.data_ref() else { continue };
        size += bytes.len() as u64;
        if size > MAX_ARTIFACT {
            return Err(too_large());
        }
        hash.update(bytes);
        file.write_all(bytes).await.map_err(|e| not_written(&e))?;
    }
    file.flush().await.map_err(|e| not_written(&e))?;
    Ok(hex(&hash.finalize()))
}

fn not_written(e: &std::io::Error) -> Failure {
    let full = matches!(e.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let problem =
        Problem::new(Code::StoreFailed, format!("the upload cannot be written: {e}; nothing was kept"));
    Failure(if full { problem.hint("free space on the file system of the state directory") } else { problem })
}

/// The file name as a label: the last part, without what could be read as anything but a name, never a path.
fn label(headers: &HeaderMap) -> String {
    let raw = header_text(headers, NAME_HEADER).unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(raw).decode_utf8_lossy();
    let last = decoded.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(200).collect();
    let name = name.trim().trim_matches('.').trim();
    if name.is_empty() { "unnamed.jar".to_owned() } else { name.to_owned() }
}

/// Marks that change how the text around them is read.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_labels_and_never_paths() {
        let cases = [
            ("payments.jar", "payments.jar"),
            ("..%2F..%2Fetc%2Fpasswd", "passwd"),
            ("C:%5Ctmp%5Cx.jar", "x.jar"),
            ("..", "unnamed.jar"),
            ("", "unnamed.jar"),
            ("a%00b%1b%5B31m.jar", "ab[31m.jar"),
            ("%E2%80%AErar.exe", "rar.exe"),
            ("trailing.jar...", "trailing.jar"),
            ("%ff", "\u{fffd}"),
        ];
        for (given, wanted) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(NAME_HEADER, given.parse().unwrap());
            assert_eq!(label(&headers), wanted, "{given}");
        }
    }
}
