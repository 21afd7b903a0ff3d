//! What goes into the books with an intent, an outcome, an end. Everything here travels in the same commit as the
//! operation's own change, so the catalogue can never say less than the operation.
//!
//! ```text
//!   INTENT ─▶ intent_rows     a savepoint STARTED, a job without a state, files DELETING
//!   judged ─▶ outcome_rows    COMPLETED, FAILED or UNKNOWN; started, ended, never submitted
//!   ended  ─▶ finish          the deployment's desired state, its layer, the result in words
//! ```

mod end;
mod intent;
mod outcome;

pub use end::{finish, put_back};
pub use intent::intent_rows;
pub use outcome::outcome_rows;
