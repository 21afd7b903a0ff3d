//! What several test modules share.

pub mod bytes;
pub mod flink;
