//! The REST API: the manager's only door for every face.
//!
//! ```text
//!   socket ─▶ accept (who, role) ─▶ guard (host, origin, role) ─▶ route ─▶ Manager
//!                                                                   │
//!          JSON models, problem documents, server-sent events ◀─────┘
//! ```
//!
//! Every route is declared together with its documentation ([`utoipa_axum::router::OpenApiRouter`]), so that none can lack it.

mod accept;
mod access;
mod error;
mod extract;
mod guard;
mod once;
mod openapi;
mod paging;
mod people;
mod routes;
mod stream;

use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;

pub use accept::{Limits, bind, closed_to_others, serve};
pub use access::{Access, Principal, Role};
pub use openapi::openapi;
pub use people::Person;

use crate::domain::time::Clock;

use crate::manager::Manager;

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Their user name.
    pub actor: String,
    /// What they may do.
    pub role: Role,
}

/// What routes work with.
#[derive(Debug, Clone)]
pub struct App {
    /// The manager.
    pub manager: Manager,
    /// Time, for kept answers.
    pub clock: Arc<dyn Clock>,
    /// Acts at work.
    keys: once::Keys,
    /// Cancelled when the manager leaves: streams end.
    pub leaving: CancellationToken,
}

/// Every route, guarded.
pub fn router(manager: Manager, clock: Arc<dyn Clock>, leaving: CancellationToken) -> Router {
    let app = App { manager, clock, keys: once::Keys::default(), leaving };
    openapi::documented()
        .0
        .fallback(routes::unknown)
        .method_not_allowed_fallback(routes::wrong_method)
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::check))
        .with_state(app)
}
