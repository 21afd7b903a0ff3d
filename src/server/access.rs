//! Who is let in, decided from what the kernel says about the other end of the socket.

use super::people::Person;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    Viewer,
    /// Look and act.
    Operator,
}

/// Somebody named in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A user by name or by number.
    User(String),
    /// A group by name or by number.
    Group(String),
}

impl Principal {
    /// Reads `user:NAME` or `group:NAME`; anything else names nobody.
    #[must_use]
    pub fn parse(entry: &str) -> Option<Self> {
        match entry.split_once(':') {
            Some(("user", name)) if !name.is_empty() => Some(Self::User(name.to_owned())),
            Some(("group", name)) if !name.is_empty() => Some(Self::Group(name.to_owned())),
            _ => None,
        }
    }

    fn is(&self, person: &Person) -> bool {
        match self {
            Self::User(u) => *u == person.name || *u == person.uid.to_string(),
            Self::Group(g) => person.groups.contains(g) || *g == person.gid.to_string(),
        }
    }
}

/// The rules of one manager. Nobody else is let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// The manager's own user; may act.
    pub own_uid: u32,
    /// May act.
    pub operators: Vec<Principal>,
    /// May look.
    pub viewers: Vec<Principal>,
}

impl Access {
    /// From the configuration's entries.
    #[must_use]
    pub fn new(own_uid: u32, operators: &[String], viewers: &[String]) -> Self {
        let parse = |list: &[String]| list.iter().filter_map(|e| Principal::parse(e)).collect();
        Self { own_uid, operators: parse(operators), viewers: parse(viewers) }
    }

    /// Only the manager's own user is let in.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.operators.is_empty() && self.viewers.is_empty()
    }

    /// What this person may do; `None` = not even enter.
    #[must_use]
    pub fn role(&self, person: &Person) -> Option<Role> {
        if person.uid == self.own_uid || self.operators.iter().any(|p| p.is(person)) {
            return Some(Role::Operator);
        }
        self.viewers.iter().any(|p| p.is(person)).then_some(Role::Viewer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(uid: u32, name: &str, groups: &[&str]) -> Person {
        Person { uid, gid: 100, name: name.into(), groups: groups.iter().map(|g| (*g).to_owned()).collect() }
    }

    #[test]
    fn only_the_owner_and_the_named_are_let_in() {
        let access = Access::new(
            7,
            &["user:ann".into(), "group:oncall".into(), "everybody".into(), "user:".into()],
            &["group:audit".into(), "user:42".into()],
        );
        let cases = [
            (person(7, "svc", &[]), Some(Role::Operator)),
            (person(8, "ann", &[]), Some(Role::Operator)),
            (person(9, "bob", &["users", "oncall"]), Some(Role::Operator)),
            (person(10, "eve", &["audit"]), Some(Role::Viewer)),
            (person(11, "ann2", &["audit", "oncall"]), Some(Role::Operator)),
            (person(42, "number", &[]), Some(Role::Viewer)),
            (person(0, "root", &["root"]), None),
            (person(12, "oncall", &[]), None),
            (person(13, "", &[""]), None),
        ];
        for (p, role) in cases {
            assert_eq!(access.role(&p), role, "{p:?}");
        }
        assert_eq!(Access::new(7, &[], &[]).role(&person(0, "root", &[])), None);
    }
}
