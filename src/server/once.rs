//! The same key, the same answer: a lost answer is asked for again, never guessed.
//!
//! ```text
//!   key ─▶ one at a time per key ─▶ kept answer? ─┬─ of this body ─▶ that answer
//!                                                 ├─ of another   ─▶ 409 KEY_REUSED
//!                                                 └─ none         ─▶ act ─▶ keep the answer ─▶ answer
//! ```
//!
//! Operations keep their answer in their own transaction, inside the manager; this is for everything else. Failures are
//! not kept: they changed nothing, and the next try may succeed.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

use super::{
    App,
    error::{Answer, Failure},
};
use crate::{
    contract::problem::Code,
    manager::{Caller, Idempotency, ports::store::AnswerRow},
};

type Scope = (String, String, String);

/// Keys whose acts are at work.
#[derive(Debug, Clone, Default)]
pub struct Keys(Arc<Mutex<HashMap<Scope, Arc<tokio::sync::Mutex<()>>>>>);

/// The right to act under one key.
#[derive(Debug)]
pub struct Turn {
    keys: Keys,
    scope: Scope,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Keys {
    /// Waits until no other request acts under this key.
    pub async fn turn(&self, who: &Caller, key: &Idempotency) -> Turn {
        let scope = (who.actor.clone(), key.route.clone(), key.key.clone());
        let lock = Arc::clone(self.0.lock().entry(scope.clone()).or_default());
        Turn { keys: self.clone(), scope, guard: Some(lock.lock_owned().await) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut keys = self.keys.0.lock();
        self.guard = None;
        // One reference is the map's own: nobody else waits.
        if keys.get(&self.scope).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            keys.remove(&self.scope);
        }
    }
}

/// Acts once per key and answers `status` with what the act brought; a `null` is answered without a body.
pub async fn once<T: Serialize>(
    app: &App,
    who: &Caller,
    key: Option<&Idempotency>,
    status: StatusCode,
    act: impl Future<Output = Answer<T>>,
) -> Answer<Response> {
    let Some(key) = key else { return respond(status, &act.await?) };
    let _turn = app.keys.turn(who, key).await;
    if let Some(kept) = app.manager.kept_answer(who, key).await? {
        return respond(StatusCode::from_u16(kept.status).unwrap_or(status), &kept.body);
    }
    let body = serde_json::to_value(act.await?).map_err(|e| Failure::new(Code::Internal, e.to_string()))?;
    let row = AnswerRow {
        actor: who.actor.clone(),
        route: key.route.clone(),
        key: key.key.clone(),
        body_hash: key.body_hash.clone(),
        status: status.as_u16(),
        body: body.clone(),
        at: app.clock.now_utc(),
    };
    if let Err(problem) = app.manager.keep_answer(row).await {
        // The act is done and on disk; only its repetition would be another act.
        tracing::warn!(%problem, route = %key.route, "the answer of an act was not kept");
    }
    respond(status, &body)
}

fn respond<T: Serialize>(status: StatusCode, body: &T) -> Answer<Response> {
    let body = serde_json::to_value(body).map_err(|e| Failure::new(Code::Internal, e.to_string()))?;
    Ok(match body {
        Value::Null => status.into_response(),
        body => (status, Json(body)).into_response(),
    })
}
