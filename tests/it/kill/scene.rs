//! One manager process, one fake Flink, one deployment `pay/prod`.

use std::{collections::BTreeMap, sync::Arc};

use nutkin::{
    client::routes,
    contract::{intent::Verb, model, plan::Submitted},
    domain::{deployment::ConditionType, operation::OpState, time::Clock},
    manager::ports::store::Store,
};
use serde_json::json;

use super::{
    house::House,
    plays::{Keeps, Play},
};
use crate::{
    fake::{Act, Fake},
    manager::{
        check,
        rig::{APP, DEADLINE, confirmed, document, jar_bytes, name, refers_to_secret, take},
    },
};

pub struct Scene {
    pub fake: Arc<Fake>,
    pub house: House,
    /// The second release's content hash.
    pub v2: String,
    chosen: Option<model::Savepoint>,
    /// The operation that the verb is about: it waits for a person, or is to be superseded.
    pub other: Option<String>,
    /// What somebody else has: a job's id, or a snapshot's place.
    pub theirs: Option<String>,
    before: Option<Before>,
    pub savepoints: tempfile::TempDir,
}

/// What was true when the verb began.
pub struct Before {
    /// Acts until then.
    acts: usize,
    /// The state that must survive.
    pub floor: u64,
    /// The job that lived.
    pub job: Option<String>,
}

impl Scene {
    pub async fn new(play: Play) -> Self {
        let fake = Arc::new(Fake::start(play.flink()));
        let savepoints = tempfile::tempdir().unwrap();
        let house = House::open(play.patience()).await;
        fake.serves(&house.state_dir());
        let mut target = play.target();
        target["auth"] = json!({ "tokenFile": house.token });
        target["url"] = fake.url().into();
        target["savepointDirectory"] = format!("file:{}", savepoints.path().display()).into();
        let v1 = house.jar_of("v1", &jar_bytes("v1")).await;
        let v2 = house.jar_of("v2", &jar_bytes("v2")).await;
        let mut spec = json!({
            "target": "fake", "parallelism": 2, "flinkConfiguration": refers_to_secret(),
            "artifact": { "sha256": v1, "jar": "payments-v1.jar", "version": "v1" }
        });
        if play.asks_on_failure() {
            spec["probation"] = json!({ "onFailure": "ASK" });
        }
        let documents =
            vec![document("Target", None, "fake", target), document("Deployment", Some(APP), "prod", spec)];
        house.apply(documents).await;
        Self { fake, house, v2, chosen: None, other: None, theirs: None, before: None, savepoints }
    }

    /// Takes the savepoint that a later verb is about.
    pub async fn choose(&mut self) {
        self.house.done("prod", take()).await;
        self.chosen = Some(self.house.savepoints("prod").await.remove(0));
    }

    /// The end of a story: all invariants hold.
    pub async fn end(&mut self) -> Arc<dyn Store> {
        let store = self.house.end().await;
        check(&*store, &self.fake).await;
        store
    }

    pub fn chosen(&self) -> &model::Savepoint {
        self.chosen.as_ref().expect("the setup chose one")
    }

    pub fn before(&self) -> &Before {
        self.before.as_ref().expect("the verb began")
    }

    /// Submits the verb that a later one is about, and lets it go on until the cluster has got this request.
    pub async fn leave_at(&mut self, verb: Verb, route: &str) {
        let asked = |w: &crate::fake::World| {
            let (method, end) = route.split_once(' ').unwrap();
            w.requests.iter().filter(|r| r.starts_with(method) && r.ends_with(end)).count()
        };
        let before = asked(&self.fake.world());
        let act = routes::verb(&name("prod"), &confirmed(verb, "prod"));
        let Submitted::Operation(op) = self.house.client.act(&act).await.unwrap() else { panic!("a plan") };
        self.fake.until("it arrived", DEADLINE, |w| asked(w) > before).await;
        self.other = Some(op.operation_id);
    }

    /// Waits until that operation needs a person.
    pub async fn needs_a_person(&self) {
        let op = self.house.ended(self.other.as_deref().unwrap()).await;
        assert_eq!(op.state, OpState::NeedsAttention, "{op:#?}");
    }

    /// The job's newest checkpoint is in the books.
    pub async fn checkpoint_is_known(&self) {
        self.house
            .eventually("a checkpoint is in the books", async || {
                let d = self.house.seen("prod").await;
                if d.last_checkpoint.is_some() { Ok(()) } else { Err(format!("{d:#?}")) }
            })
            .await;
    }

    /// The job restarts again and again, and the manager has seen it.
    pub async fn fails_in_a_loop(&self) {
        let job = self.house.seen("prod").await.job.unwrap().flink_job_id;
        self.fake.set_job_state(&job, "RESTARTING");
        self.house
            .eventually("it is seen as failing", async || {
                let d = self.house.seen("prod").await;
                let fails = |c: &ConditionType| {
                    matches!(c, ConditionType::JobFailing | ConditionType::WaitingForSlots)
                };
                if d.conditions.iter().any(|c| fails(&c.kind)) { Ok(()) } else { Err(format!("{d:#?}")) }
            })
            .await;
    }

    /// The last moment before the verb: what must survive is written down, and the cluster has lost all jars, so that
    /// every upload is a real one.
    pub fn begin(&mut self, play: Play) {
        let job = self.fake.live_jobs().pop();
        let mut world = self.fake.world();
        world.jars.clear();
        let now = nutkin::adapters::clock::SystemClock.boottime();
        let counted = job.as_ref().map(|id| world.jobs[id].count(now));
        let kept = |keeps: &dyn Fn(&crate::fake::World) -> Option<u64>| keeps(&world).unwrap_or(0);
        let floor = match play.keeps() {
            // Of a deployment at rest: what its newest snapshot holds.
            Keeps::Everything => {
                counted.or_else(|| world.snapshots.values().map(|s| s.count).max()).unwrap_or(0)
            }
            Keeps::LastCheckpoint => kept(&|w| {
                let mut done = w.jobs[job.as_ref()?].checkpoints.iter().rev();
                let newest = done.find(|c| c.status == "COMPLETED" && c.kind == "CHECKPOINT")?;
                w.count_at(newest.path.as_deref()?)
            }),
            Keeps::Chosen => kept(&|w| w.count_at(self.chosen.as_ref()?.location.as_deref()?)),
            Keeps::Nothing => 0,
        };
        let acts = world.journal.len();
        drop(world);
        self.before = Some(Before { acts, floor, job });
    }

    /// What the cluster was made to do since the verb began. A disposal is repeated by its place and a
    /// plan by its jar, so they count once.
    pub fn effects(&self) -> BTreeMap<&'static str, usize> {
        let mut keys: Vec<(&'static str, String)> = Vec::new();
        let acts: Vec<Act> = self.fake.journal().split_off(self.before().acts);
        for act in acts.into_iter().filter(|a| a.effect) {
            let key = (act.route, act.key);
            if !["dispose", "plan"].contains(&act.route) || !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut count = BTreeMap::new();
        for (route, _) in keys {
            *count.entry(route).or_default() += 1;
        }
        count
    }
}
