//! The panes of Home, in the order of Tab.

use crate::faces::tui::command::Command;

/// The panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// Applications, with the pseudo-applications of unmanaged jobs.
    Applications,
    /// Deployments of the application, or unmanaged jobs.
    Deployments,
    /// Savepoints of the deployment.
    Savepoints,
    /// Tabs about the deployment.
    Detail,
    /// The live tail.
    Events,
}

impl Pane {
    /// In the order of Tab.
    pub const ALL: &'static [Self] =
        &[Self::Applications, Self::Deployments, Self::Savepoints, Self::Detail, Self::Events];

    /// The pane `n` places further.
    #[must_use]
    pub fn step(self, n: isize) -> Self {
        let len = Self::ALL.len();
        let at = Self::ALL.iter().position(|p| *p == self).unwrap_or(0);
        let next = at.wrapping_add_signed(n).wrapping_add(len) % len;
        Self::ALL.get(next).copied().unwrap_or(self)
    }

    /// What it is called.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Applications => "Applications",
            Self::Deployments => "Deployments",
            Self::Savepoints => "Savepoints",
            Self::Detail => "Detail",
            Self::Events => "Events",
        }
    }

    /// The command that focuses it; its key is the pane's number.
    #[must_use]
    pub const fn command(self) -> Command {
        match self {
            Self::Applications => Command::Applications,
            Self::Deployments => Command::Deployments,
            Self::Savepoints => Command::Savepoints,
            Self::Detail => Command::Detail,
            Self::Events => Command::Events,
        }
    }
}
