//! The history in an embedded SQLite file, `nutkin.db`, and the state directory around it.
//!
//! ```text
//!   state_dir::prepare ─▶ lock::acquire ─▶ open ──┬─ damaged, foreign, read-only, network file system ─▶ OpenError
//!                                                ├─ newer schema ─▶ reads only
//!                                                └─ backup, migrate, epoch + 1 ─▶ SqliteStore
//!   commit ─▶ bounded queue ─▶ writer thread: BEGIN IMMEDIATE · fence · one savepoint per commit · COMMIT (fsync)
//!   reads  ─▶ a few read-only connections, each query on a blocking thread
//!   close  ─▶ clean = 1, log checkpointed;  a drop without it is an unclean exit, checked at the next open
//! ```
//!
//! Each table has one module that writes and reads its rows, so that the two directions stay together.

mod answers;
mod artifacts;
mod books;
mod cells;
mod error;
mod events;
mod jobs;
mod look;
mod open;
mod operations;
mod readers;
mod savepoints;
mod schema;
mod store;
mod writer;

pub mod lock;
pub mod state_dir;

pub use error::OpenError;
pub use look::{Look, look};
pub use open::{Opened, open};
pub use store::SqliteStore;

/// The database's file name in the state directory.
pub const DATABASE: &str = "nutkin.db";
