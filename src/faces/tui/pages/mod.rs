//! Pages: each owns its state and its commands; the root only routes.

pub mod home;
pub mod operations;

/// A page above Home.
#[derive(Debug)]
pub enum Page {
    /// Operations at work and the last ones.
    Operations(operations::Operations),
}
