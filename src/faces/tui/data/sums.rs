//! What the rows of one application come to: how many are known, the worst of their healths, whether one needs a person.

use super::Data;
use crate::{
    contract::{model::Application, watch::Row},
    domain::deployment::Health,
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
}

impl Sum {
    fn of<'r>(rows: impl Iterator<Item = &'r Row>) -> Option<Self> {
        rows.map(|r| Self { rows: 1, health: weighed(r), waits: r.needs_attention }).reduce(Self::and)
    }
    fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            health: self.health.min(other.health),
            waits: self.waits || other.waits,
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

impl Data {
    pub(super) fn judge_all(&mut self) {
        self.sums.clear();
        for (app, sum) in self
            .rows
            .values()
            .filter_map(|r| Some((r.deployment.split_once('/')?.0.to_owned(), Sum::of(std::iter::once(r))?)))
        {
            self.sums.entry(app).and_modify(|s| *s = s.and(sum)).or_insert(sum);
        }
    }

    /// Looks again at the application of a deployment whose row changed.
    pub(super) fn judge(&mut self, deployment: &str) {
        let Some((app, _)) = deployment.split_once('/') else { return };
        let mine = |r: &&Row| r.deployment.split_once('/').is_some_and(|(a, _)| a == app);
        match Sum::of(self.rows.values().filter(mine)) {
            Some(sum) => self.sums.insert(app.to_owned(), sum),
            None => self.sums.remove(app),
        };
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
