//! The manager in this process, over a real store and the fake Flink: lifecycles, evidence, policy, the books.

mod apply;
mod choices;
mod disposal;
mod drift;
mod eyes;
mod guards;
mod idle;
mod input;
mod kept;
mod lanes;
mod lifecycle;
pub mod oracle;
mod preflight;
pub mod rig;
mod supersede;
mod told;
mod trouble;
mod watch;
mod ways;

pub use oracle::check;
