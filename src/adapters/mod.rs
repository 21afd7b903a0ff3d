//! Everything that touches the outside: Flink's REST API, deployment targets, the SQLite store, the clock.
//!
//! Each adapter implements a trait of [`crate::manager::ports`] (or of [`crate::domain::time`] for the clock) and is
//! the only place that imports its external library.

pub mod clock;
pub mod flink;
pub mod jar;
pub mod random;
pub mod sqlite;
pub mod target;
