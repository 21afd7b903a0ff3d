//! What the rows of one application come to: how many are known, the worst of their healths, whether one needs a person.

use std::cmp::Ordering;

use super::Data;
use crate::{
    contract::{model::Application, watch::Row},
    domain::deployment::{Health, Observed},
};

/// What the rows of one application come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    /// How many are known.
    rows: usize,
    /// The worst of them.
    health: Health,
    /// One of them waits for a person.
    pub(super) waits: bool,
    /// Of so many nobody knows the state.
    unknown: u32,
}

impl Sum {
    fn of<'r>(rows: impl Iterator<Item = &'r Row>) -> Option<Self> {
        rows.map(Self::one).reduce(Self::and)
    }
    fn one(r: &Row) -> Self {
        let unknown = r.observed == Observed::Unknown && !r.needs_attention;
        Self { rows: 1, health: weighed(r), waits: r.needs_attention, unknown: u32::from(unknown) }
    }
    fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            health: self.health.min(other.health),
            waits: self.waits || other.waits,
            unknown: self.unknown + other.unknown,
        }
    }
}

/// A row's health as it counts for its application. A job that an operation starts, stops or moves is seen waiting for
/// slots or without checkpoints for a while: that calls nobody before the operation does.
const fn weighed(r: &Row) -> Health {
    match r.health {
        Health::Failing | Health::Degraded if r.operation.is_some() && !r.needs_attention => {
            Health::Progressing
        }
        health => health,
    }
}

/// The application of a deployment.
fn application(deployment: &str) -> &str {
    deployment.split_once('/').map_or("", |(app, _)| app)
}

/// Rows lie by application and name, whatever order they come in.
pub(super) fn by_name(a: &str, b: &str) -> Ordering {
    a.split_once('/').cmp(&b.split_once('/'))
}

impl Data {
    pub(super) fn judge_all(&mut self) {
        self.sums.clear();
        for row in self.rows.values() {
            let (app, sum) = (application(&row.deployment).to_owned(), Sum::one(row));
            self.sums.entry(app).and_modify(|s| *s = s.and(sum)).or_insert(sum);
        }
        self.unknown = self.sums.values().map(|s| s.unknown).sum();
    }

    /// Looks again at the application of a deployment whose row changed.
    pub(super) fn judge(&mut self, deployment: &str) {
        let app = application(deployment);
        let now = Sum::of(self.rows_of(app));
        let was = match now {
            Some(sum) => self.sums.insert(app.to_owned(), sum),
            None => self.sums.remove(app),
        };
        let unknown = |s: Option<Sum>| s.map_or(0, |s| s.unknown);
        self.unknown = (self.unknown + unknown(now)).saturating_sub(unknown(was));
    }

    /// The known rows of an application, by name: a fleet is not looked through for one of them.
    pub fn rows_of(&self, app: &str) -> impl Iterator<Item = &Row> {
        let from = self.rows.partition_point(|name, _| application(name) < app);
        let rest = self.rows.get_range(from..).map(|s| s.values()).into_iter().flatten();
        rest.take_while(move |r| application(&r.deployment) == app)
    }

    /// Deployments whose state nobody knows, among the rows that are known.
    #[must_use]
    pub const fn unknown(&self) -> u32 {
        self.unknown
    }

    /// Rows of the application are not known.
    #[must_use]
    pub fn lacks_rows(&self, app: &str) -> bool {
        let known = self.sums.get(app).map_or(0, |s| s.rows);
        self.applications.get(app).is_some_and(|a| known < a.deployments.len())
    }

    /// An application's health: the worst of its rows, which are newer than its own word; that one counts while rows are
    /// missing.
    #[must_use]
    pub fn health(&self, app: &Application) -> Health {
        match self.sums.get(&app.name) {
            Some(s) if s.rows >= app.deployments.len() => s.health,
            Some(s) => app.health.min(s.health),
            None => app.health,
        }
    }

    /// A deployment of the application waits for a person.
    #[must_use]
    pub fn waits_in(&self, app: &str) -> bool {
        self.sums.get(app).is_some_and(|s| s.waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contract::watch::WatchMessage, domain::time::Timestamp, faces::tui::data::Paused};

    fn row(name: &str, observed: Observed, health: Health) -> Row {
        Row {
            deployment: name.into(),
            target: "t".into(),
            observed,
            health,
            version_label: None,
            flink_state: None,
            operation: None,
            operation_started_at: None,
            needs_attention: false,
            started_at: None,
            restarts: None,
        }
    }

    fn told(data: &mut Data, m: WatchMessage) {
        data.watch(m, Timestamp::from_millis(0), &Paused::default());
    }

    #[test]
    fn what_rows_come_to_follows_every_change_as_if_all_were_looked_at() {
        let mut data = Data::default();
        let rows = [
            ("pay/b", Observed::Unknown, Health::Unknown),
            ("pay/a", Observed::Running, Health::Healthy),
            ("pay-roll/a", Observed::Unknown, Health::Unknown),
            ("fraud/z", Observed::Failed, Health::Failing),
            ("pay/b", Observed::Running, Health::Degraded),
            ("pay/c", Observed::Unknown, Health::Unknown),
        ];
        let check = |data: &Data| {
            let mut whole = Data { rows: data.rows.clone(), ..Data::default() };
            whole.judge_all();
            assert_eq!((&whole.sums, whole.unknown()), (&data.sums, data.unknown()));
        };
        for (name, observed, health) in rows {
            told(&mut data, WatchMessage::Deployment { row: row(name, observed, health), detail: None });
            check(&data);
        }
        let names = |app| data.rows_of(app).map(|r| r.deployment.as_str()).collect::<Vec<_>>();
        assert_eq!(names("pay"), ["pay/a", "pay/b", "pay/c"]);
        assert_eq!(names("pay-roll"), ["pay-roll/a"]);
        assert_eq!(names("nobody"), Vec::<&str>::new());
        assert_eq!(data.unknown(), 2);
        for name in ["pay/c", "pay-roll/a", "pay-roll/a", "fraud/z"] {
            told(&mut data, WatchMessage::DeploymentGone { deployment: name.into() });
            check(&data);
        }
        assert_eq!(data.unknown(), 0);
    }
}
