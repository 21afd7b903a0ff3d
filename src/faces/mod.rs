//! What people look at: the command line and the console. Both are clients of the manager's REST API and hold no rules.

pub mod cli;
pub mod tui;
