//! The fields of the form.

use crate::contract::restore_from::StateWord;

/// The fields, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Which jar.
    Artifact,
    /// A word for the version.
    Label,
    /// Main class.
    EntryClass,
    /// Program arguments.
    Args,
    /// How many parallel instances the job has.
    Parallelism,
    /// How the change is applied.
    Strategy,
    /// Where the state comes from.
    From,
    /// Whether state that no operator takes may be dropped.
    DropState,
    /// Flink configuration.
    Config,
    /// The button.
    Review,
}

impl At {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Artifact,
        Self::Label,
        Self::EntryClass,
        Self::Args,
        Self::Parallelism,
        Self::Strategy,
        Self::From,
        Self::DropState,
        Self::Config,
        Self::Review,
    ];

    /// What it is called.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Artifact => "Artifact",
            Self::Label => "Version label",
            Self::EntryClass => "Entry class",
            Self::Args => "Arguments",
            Self::Parallelism => "Parallelism",
            Self::Strategy => "Strategy",
            Self::From => "State from",
            Self::DropState => "Drop state",
            Self::Config => "Flink configuration",
            Self::Review => "Review",
        }
    }
}

/// Where the state comes from.
pub const FROM: &[(Option<StateWord>, &str)] = &[
    (None, "a new savepoint, or the restore strategy"),
    (Some(StateWord::LastCheckpoint), "the last checkpoint"),
];
