//! What is allowed, and how hard it is to do by mistake. Decided in the manager, so that no face can leak around it.

use super::{operation::Kind, spec::Protection};

/// What a request asks policy for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The act.
    pub kind: Kind,
    /// The manager is read-only.
    pub read_only: bool,
    /// The target is read-only.
    pub target_read_only: bool,
    /// The stronger of the deployment's and the target's; of a fork that of what it starts.
    pub protection: Protection,
    /// State would be given up, a last restore point destroyed, or files deleted.
    pub destructive: bool,
    /// The person said yes.
    pub yes: bool,
    /// The name that the person typed.
    pub typed: Option<&'a str>,
    /// The name to type.
    pub name: &'a str,
}

/// Policy's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// Ask the person for this.
    Confirm(Protection),
    /// No, and why.
    Deny(&'static str),
}

/// How an act must be confirmed, whatever the person said so far.
#[must_use]
pub fn required(kind: Kind, protection: Protection, destructive: bool) -> Protection {
    if destructive {
        return Protection::TypeName;
    }
    match kind {
        // Nothing that runs is touched.
        Kind::Savepoint | Kind::Import | Kind::Adopt => Protection::None,
        _ => protection,
    }
}

/// Decides.
#[must_use]
pub fn decide(q: &Question<'_>) -> Verdict {
    if q.read_only {
        return Verdict::Deny("this manager is read-only");
    }
    if q.target_read_only {
        return Verdict::Deny("the target is read-only");
    }
    let needed = required(q.kind, q.protection, q.destructive);
    let typed = q.typed == Some(q.name);
    match needed {
        Protection::None => Verdict::Allow,
        Protection::Confirm if q.yes || typed => Verdict::Allow,
        Protection::TypeName if typed => Verdict::Allow,
        p => Verdict::Confirm(p),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const Q: Question<'static> = Question {
        kind: Kind::Suspend,
        read_only: false,
        target_read_only: false,
        protection: Protection::None,
        destructive: false,
        yes: false,
        typed: None,
        name: "app/prod",
    };

    #[rstest]
    #[case(Q, Verdict::Allow)]
    #[case(Question { read_only: true, ..Q }, Verdict::Deny("this manager is read-only"))]
    #[case(Question { protection: Protection::Confirm, ..Q }, Verdict::Confirm(Protection::Confirm))]
    #[case(Question { protection: Protection::Confirm, yes: true, ..Q }, Verdict::Allow)]
    #[case(Question { protection: Protection::TypeName, yes: true, ..Q }, Verdict::Confirm(Protection::TypeName))]
    #[case(Question { protection: Protection::TypeName, typed: Some("app/prod"), ..Q }, Verdict::Allow)]
    #[case(Question { destructive: true, yes: true, ..Q }, Verdict::Confirm(Protection::TypeName))]
    #[case(Question { destructive: true, typed: Some("app/staging"), ..Q }, Verdict::Confirm(Protection::TypeName))]
    #[case(Question { kind: Kind::Savepoint, protection: Protection::TypeName, ..Q }, Verdict::Allow)]
    fn verdicts(#[case] q: Question<'_>, #[case] verdict: Verdict) {
        assert_eq!(decide(&q), verdict);
    }
}
