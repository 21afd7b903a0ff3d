//! The restore point: chosen by the advisor, looked at, or chosen by a person for the next start.

use super::{Building, wrong_state};
use crate::{
    contract::intent::Reset,
    domain::{
        operation::{Kind, RestoreSource, recipe::Stop},
        restore::{Advice, Request},
    },
    manager::{ManagerResult, view},
};

impl Building<'_> {
    /// Chooses the restore point and puts it into the plan.
    pub(super) fn restore(&mut self, request: &Request) {
        let advice = view::advice(&self.facts.entry, &self.inner.world(), request, self.facts.now);
        self.adopt_advice(advice, request);
    }

    pub(super) fn adopt_advice(&mut self, advice: Advice, request: &Request) {
        if self.facts.unheard && !matches!(request, Request::This(_)) {
            self.checks.fail(
                "lastWord",
                "what the ended job has left could not be read: a newer checkpoint than the recorded one may be there",
                "try again in some seconds, or name the restore point: --from SAVEPOINT",
            );
        }
        match advice.chosen() {
            Some(c) => {
                let place = c.location.clone().unwrap_or_default();
                match &c.savepoint {
                    Some(id) => {
                        self.checks.ok("restorePoint", advice.why_at(self.facts.now));
                        self.plan.restore = RestoreSource::Point { savepoint: id.clone(), location: place };
                    }
                    None => self.checks.fail(
                        "restorePoint",
                        "a checkpoint of the running job is no restore point yet: Flink replaces it by the next one",
                        "go on from the last one with --from last-checkpoint, or take a savepoint",
                    ),
                }
            }
            None if advice.refused => {
                let empty = match self.kind {
                    Kind::Start | Kind::Fork => ", or begin empty with --from none",
                    Kind::Upgrade => ", or begin empty with --upgrade-strategy STATELESS",
                    _ => "",
                };
                let list = format!("choose one: nutkin savepoint list {}{empty}", self.facts.entry.row.name);
                self.checks.fail("restorePoint", advice.why.clone(), &list);
            }
            None => {
                if advice.deviates {
                    self.destructive = true;
                    self.irreversible
                        .push("the job begins empty: what it has computed so far is not restored".to_owned());
                }
                self.checks.ok("restorePoint", advice.why_at(self.facts.now));
            }
        }
        if let Some(w) = &advice.warning {
            let repeats = advice.chosen().is_some_and(|c| c.rewind_seconds.is_some_and(|r| r > 0));
            // An older snapshot than the newest usable one is a deviation that a person must agree to; a reset was that.
            let agreed =
                self.facts.entry.row.next_restore.is_some() && matches!(request, Request::Strategy(_));
            self.destructive |= advice.deviates && !agreed;
            if advice.deviates || repeats {
                self.warnings.push(w.clone());
            }
        }
        self.advice = Some(advice);
    }

    pub(super) fn reset(&mut self, r: &Reset) -> ManagerResult<()> {
        if self.facts.live.is_some() && !r.cancel_and_start {
            return Err(wrong_state(
                self.facts,
                "a job lives, and a reset takes effect at the next start",
                "suspend it first, or give --cancel-and-start",
            ));
        }
        let request = Request::This(r.savepoint.clone());
        self.restore(&request);
        if let RestoreSource::Point { savepoint, location } = self.plan.restore.clone() {
            self.plan.savepoint = Some(savepoint);
            self.plan.location = Some(location);
        }
        if self.facts.live.is_some() {
            self.current_revision()?;
            self.stop = Stop::Discard;
            self.destructive = true;
            self.irreversible.push(
                "the live job is cancelled; its progress since the chosen savepoint is repeated".to_owned(),
            );
        } else {
            self.to_run = None;
            self.warnings.push("one-shot: any newer snapshot or job disarms it".to_owned());
        }
        Ok(())
    }

    /// Where somebody may look, the restore point is looked at before anything is stopped.
    pub(super) async fn verify_restore_point(&mut self) {
        let RestoreSource::Point { location, .. } = &self.plan.restore else { return };
        let Some(target) = &self.facts.target else { return };
        if self.inner.deps.eyes.is_complete(&target.spec, location).await == Some(false) {
            let text = format!("the restore point is not at its place, or has no _metadata: {location}");
            let list = format!("choose another one: nutkin savepoint list {}", self.facts.entry.row.name);
            self.checks.fail("restorePoint", text, &list);
        }
    }
}
