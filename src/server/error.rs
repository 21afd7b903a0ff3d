//! Problems as answers (RFC 9457).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::contract::problem::{Code, Problem};

/// A problem on its way to the client.
#[derive(Debug, Clone)]
pub struct Failure(pub Problem);

impl Failure {
    /// A problem with a code and its words.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Problem::new(code, detail))
    }
}

impl From<Problem> for Failure {
    fn from(p: Problem) -> Self {
        Self(p)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// What a handler answers.
pub type Answer<T> = Result<T, Failure>;
