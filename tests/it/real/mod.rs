//! Every verb on real Flink, through the `nutkin` binary and through the API.
//!
//! The program counts payments since its birth, and the count is in its state: as long as state is kept, it never falls.
//!
//! ```text
//!   test ─▶ Desk (state directory, manager, target "flink") ─▶ real cluster ◀─ plain REST: the count, jobs of nobody
//! ```

mod api;
pub mod desk;
mod failed_upgrades;
mod lifecycle;
mod lost_jobmanager;
mod oldest;
mod rivals;
mod supersede;
