//! Applications, their state, and the rules over them: plain data in, plain data out.
//!
//! Nothing here waits, reads a clock, draws a random number or touches a file: `now` is an argument, evidence is an
//! argument, new keys are an argument. So every rule is tested by tables.
//!
//! ```text
//!   spec (layers → effective)      deployment (what Flink says → what we say)
//!         │                              │
//!         ▼                              ▼
//!   operation: steps(kind, plan, facts) ─ next/judge(evidence, now) → transition
//!         │                              ▲
//!         ▼                              │
//!   restore: choose(catalogue, lineage, request) → restore point and why
//! ```

pub mod deployment;
pub mod event;
pub mod flink;
pub mod holder;
pub mod ids;
pub mod location;
pub mod names;
pub mod netfs;
pub mod operation;
pub mod options;
pub mod overridden;
pub mod policy;
pub mod read_only;
pub mod restore;
pub mod role;
pub mod savepoint;
pub mod secret;
pub mod spec;
pub mod target;
pub mod text;
pub mod time;
