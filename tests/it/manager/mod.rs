//! The manager in this process, over a real store and the fake Flink: lifecycles, evidence, policy, the books.

mod lanes;
mod lifecycle;
mod oracle;
pub mod rig;
mod trouble;

pub use oracle::check;
