//! Where a request takes its state from: what `--from` and a request's `from` may say, the same for every face.
//!
//! A verb that stops a live job first takes a new savepoint, or names what it goes on from instead. To begin empty it has
//! `--upgrade-strategy STATELESS`, which asks for a typed name; `latest` and `none` are for a job that does not run yet.

use super::problem::{Code, Problem};
use crate::domain::operation::Kind;

crate::words!(closed
    /// The words that stand for a state, beside ids and locations of savepoints.
    StateWord {
        /// The newest state there is.
        Latest = "latest",
        /// No state: begin empty.
        None = "none",
        /// A savepoint that is taken for this request; the job goes on.
        New = "new",
        /// The newest completed checkpoint of a job that cannot be stopped with a savepoint.
        LastCheckpoint = "last-checkpoint",
    }
);

impl StateWord {
    /// The words that a verb takes.
    #[must_use]
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Start => &[Self::Latest, Self::None],
            Kind::Fork => &[Self::New, Self::Latest, Self::None],
            Kind::Restart | Kind::Upgrade | Kind::Rollback => &[Self::LastCheckpoint],
            _ => &[],
        }
    }
}

/// Where a request takes its state from, when it does not leave that to the manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreFrom {
    /// What a word stands for.
    Word(StateWord),
    /// A savepoint, by its id or a part of it.
    Id(String),
    /// A savepoint or a retained checkpoint, by its location.
    Location(String),
}

impl RestoreFrom {
    /// Reads what was given to a verb. A word that belongs to other verbs is refused, and what this one takes is named.
    pub fn parse(kind: Kind, given: &str) -> Result<Self, Problem> {
        match given.parse::<StateWord>() {
            Ok(word) if StateWord::of(kind).contains(&word) => Ok(Self::Word(word)),
            Ok(word) => Err(refusal(kind, word)),
            Err(_) if given.starts_with('/') || given.contains(":/") => Ok(Self::Location(given.to_owned())),
            Err(_) => Ok(Self::Id(given.to_owned())),
        }
    }
}

fn refusal(kind: Kind, word: StateWord) -> Problem {
    let words = StateWord::of(kind).iter().map(|w| w.as_str().to_owned());
    let mut takes: Vec<String> =
        std::iter::once("a savepoint's id or location".to_owned()).chain(words).collect();
    let last = takes.pop().unwrap_or_default();
    let takes = if takes.is_empty() { last } else { format!("{} or {last}", takes.join(", ")) };
    let stateless = kind == Kind::Upgrade && word == StateWord::None;
    let hint = if stateless { "; --upgrade-strategy STATELESS begins empty" } else { "" };
    let verb = kind.as_str().to_lowercase();
    Problem::new(
        Code::BadRequest,
        format!("{verb} does not go on from {word:?}; nothing was changed", word = word.as_str()),
    )
    .hint(format!("it takes {takes}{hint}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Kind::Start, "latest none")]
    #[case(Kind::Fork, "latest none new")]
    #[case(Kind::Restart, "last-checkpoint")]
    #[case(Kind::Upgrade, "last-checkpoint")]
    #[case(Kind::Rollback, "last-checkpoint")]
    #[case(Kind::Reset, "")]
    fn each_verb_has_its_words_and_refuses_the_others(#[case] kind: Kind, #[case] takes: &str) {
        for word in StateWord::ALL {
            let read = RestoreFrom::parse(kind, word.as_str());
            if takes.split(' ').any(|t| t == word.as_str()) {
                assert_eq!(read, Ok(RestoreFrom::Word(*word)), "{kind} {word}");
            } else {
                let problem = read.unwrap_err();
                assert!(problem.detail.ends_with("nothing was changed"), "{kind} {word}: {}", problem.detail);
                let hint = problem.hint.unwrap_or_default();
                assert!(hint.starts_with("it takes a savepoint's id or location"), "{kind} {word}: {hint}");
            }
        }
    }

    #[test]
    fn everything_else_is_a_savepoint() {
        for (given, expected) in [
            ("…c812.3.1", RestoreFrom::Id("…c812.3.1".into())),
            ("savepoint-6e75-aa", RestoreFrom::Id("savepoint-6e75-aa".into())),
            ("…/savepoint-6e75-aa", RestoreFrom::Id("…/savepoint-6e75-aa".into())),
            ("s3://b/x", RestoreFrom::Location("s3://b/x".into())),
            ("file:/sp/x", RestoreFrom::Location("file:/sp/x".into())),
            ("/sp/x", RestoreFrom::Location("/sp/x".into())),
        ] {
            assert_eq!(RestoreFrom::parse(Kind::Upgrade, given), Ok(expected), "{given}");
        }
    }

    #[test]
    fn the_refusal_names_what_the_verb_takes() {
        let said = |kind, given| {
            let problem = RestoreFrom::parse(kind, given).unwrap_err();
            format!("{} ({})", problem.detail, problem.hint.unwrap_or_default())
        };
        assert_eq!(
            said(Kind::Upgrade, "none"),
            "upgrade does not go on from \"none\"; nothing was changed (it takes a savepoint's id or location or \
             last-checkpoint; --upgrade-strategy STATELESS begins empty)"
        );
        assert_eq!(
            said(Kind::Fork, "last-checkpoint"),
            "fork does not go on from \"last-checkpoint\"; nothing was changed (it takes a savepoint's id or location, new, \
             latest or none)"
        );
    }
}
