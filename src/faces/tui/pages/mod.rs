//! Pages: each owns what it shows and what is selected there; what commands do to them is in `update`.

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
