//! Pages: each owns its state and its commands; the root only routes.

mod event_log;
pub mod home;
pub mod operations;
mod pane;

/// A page above Home.
#[derive(Debug)]
pub enum Page {
    /// Operations at work and the last ones.
    Operations(operations::Operations),
}
