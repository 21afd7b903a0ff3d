//! nutkin: an operations console for Apache Flink that manages applications and their state together.
//!
//! ```text
//!      console (nutkin)      command line (nutkin upgrade …)      CI/CD, scripts (curl)
//!            └──────────────────────┬──────────────────────────────────┘
//!                                   │  REST + server-sent events, JSON (unix socket)
//!                            ┌──────┴──────┐
//!                            │   manager   │  nutkin serve: one process, owns the state directory
//!                            │  operations · watcher · records · policy
//!                            └──┬───────┬──┘
//!                   SQLite file ┘       └ Flink REST of every cluster
//! ```
//!
//! Who may import whom is drawn in `ARCHITECTURE.md` and kept by the test `tree`.

pub mod adapters;
pub mod client;
pub mod config;
pub mod contract;
pub mod demo;
pub mod domain;
pub mod faces;
pub mod manager;
pub mod server;
