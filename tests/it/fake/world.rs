//! The fake's state, its routes, and the words of its errors.

use std::{
    collections::{HashSet, VecDeque},
    path::PathBuf,
    time::Duration,
};

use indexmap::IndexMap;
use nutkin::{adapters::clock::SystemClock, domain::time::Clock};
use serde_json::{Value, json};

use super::{
    Settings,
    books::Books,
    jobs::Job,
    server::{Asked, Reply},
    shapes,
    snapshots::Snapshot,
    submit::{Jar, RunOutcome},
    timers::Timer,
    triggers::{Disposal, SavepointOutcome, Trigger},
};

/// One accepted act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// `upload`, `delete-jar`, `plan`, `run`, `savepoint`, `stop`, `cancel`, `dispose`.
    pub route: &'static str,
    /// The client's key: job id, trigger id, jar's name, location.
    pub key: String,
    /// The job, where there is one.
    pub job: String,
    /// False for the repeat of a known key, and for what Flink refused.
    pub effect: bool,
    /// nutkin asked for it, by one of its clients.
    pub ours: bool,
}

/// Everything that a JobManager knows.
#[derive(Debug)]
pub struct World {
    /// How it behaves.
    pub settings: Settings,
    /// Jobs by id, oldest first.
    pub jobs: IndexMap<String, Job>,
    /// Jars by id.
    pub jars: IndexMap<String, Jar>,
    /// Snapshots by normalised location, wherever they lie.
    pub snapshots: IndexMap<String, Snapshot>,
    /// Accepted acts.
    pub journal: Vec<Act>,
    /// Requests.
    pub requests: Vec<String>,
    /// What clients did wrong.
    pub violations: Vec<String>,
    /// Accepted submissions, over all lives of the JobManager: job id and body.
    pub submissions: Vec<(String, Value)>,
    /// Since when it has been there.
    pub born: Duration,
    pub(super) books: Option<Books>,
    /// Whose request is at work now.
    pub(super) by_nutkin: bool,
    pub(super) next_runs: VecDeque<RunOutcome>,
    pub(super) jar_rules: Vec<(String, RunOutcome)>,
    pub(super) next_savepoints: VecDeque<SavepointOutcome>,
    /// Asynchronous results by job and trigger.
    pub(super) triggers: IndexMap<(String, String), Trigger>,
    pub(super) disposals: IndexMap<String, Disposal>,
    /// Trigger ids by what they were used for, over all lives of the JobManager.
    pub(super) used_keys: IndexMap<String, &'static str>,
    pub(super) burnt: HashSet<String>,
    pub(super) timers: Vec<(Duration, Timer)>,
    pub(super) election_until: Duration,
    pub(super) counter: u64,
    /// Checkpoints go here.
    pub(super) home: tempfile::TempDir,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            jobs: IndexMap::new(),
            jars: IndexMap::new(),
            snapshots: IndexMap::new(),
            journal: vec![],
            requests: vec![],
            violations: vec![],
            submissions: vec![],
            born: SystemClock.boottime(),
            books: None,
            by_nutkin: false,
            next_runs: VecDeque::new(),
            jar_rules: vec![],
            next_savepoints: VecDeque::new(),
            triggers: IndexMap::new(),
            disposals: IndexMap::new(),
            used_keys: IndexMap::new(),
            burnt: HashSet::new(),
            timers: vec![],
            election_until: Duration::ZERO,
            counter: 0,
            home: tempfile::Builder::new().prefix("fake-flink-").tempdir().unwrap(),
        }
    }

    /// Where this JobManager's checkpoints are.
    pub fn checkpoint_home(&self) -> PathBuf {
        self.home.path().join("checkpoints")
    }

    pub(super) fn now(&self) -> Duration {
        SystemClock.boottime()
    }
    pub(super) fn wall(&self) -> i64 {
        SystemClock.now_utc().millis()
    }
    /// Digits that were not given out before.
    pub(super) fn fresh(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }
    pub(super) fn is_new(&self) -> bool {
        !self.settings.version.starts_with("1.")
    }
    pub(super) fn record(&mut self, route: &'static str, key: &str, job: &str, effect: bool) {
        let ours = self.by_nutkin;
        self.journal.push(Act { route, key: key.to_owned(), job: job.to_owned(), effect, ours });
    }
    /// Slots that running jobs hold.
    pub(super) fn slots_used(&self) -> u32 {
        self.jobs.values().filter(|j| j.holds_slots()).map(|j| j.parallelism).sum()
    }

    /// The JobManager is another one, without anything that its predecessor knew but the jars.
    pub(super) fn forget_everything(&mut self) {
        self.jobs.clear();
        self.triggers.clear();
        self.disposals.clear();
        self.burnt.clear();
        self.timers.clear();
    }

    pub(super) fn route(&mut self, asked: &Asked) -> Reply {
        if self.now() < self.election_until {
            let text = "Service temporarily unavailable due to an ongoing leader election. Please refresh.";
            return Reply::of(503, json!({ "errors": [text] }));
        }
        let path = asked.path.strip_prefix("/v1").unwrap_or(&asked.path).to_owned();
        let parts: Vec<String> = path.split('/').filter(|p| !p.is_empty()).map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.by_nutkin = asked.by_nutkin;
        self.look_into_the_books(asked, &parts);
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["jobs", id, rest @ ..]) if *id != "overview" => self.job_route(asked, id, rest),
            ("GET", _) => self.look(&parts),
            (method, ["jars", rest @ ..]) if self.settings.web_submit => self.jar_route(asked, method, rest),
            ("PATCH", ["jobs", id]) => self.cancel(id),
            ("POST", ["jobs", id, "savepoints"]) => self.trigger(asked, id, false),
            ("POST", ["jobs", id, "stop"]) => self.trigger(asked, id, true),
            ("POST", ["savepoint-disposal"]) => self.dispose(asked),
            _ => not_found(&asked.path),
        }
    }

    fn look(&mut self, parts: &[&str]) -> Reply {
        let body = match parts {
            ["overview"] => shapes::overview(self),
            ["config"] => shapes::config(self),
            ["taskmanagers"] => shapes::task_managers(self),
            ["jobmanager", "config"] => shapes::jobmanager_config(self),
            ["jobs"] => shapes::jobs(self),
            ["jobs", "overview"] => shapes::jobs_overview(self),
            ["jars"] if self.settings.web_submit => shapes::jars(self),
            ["savepoint-disposal", id] => return self.disposal_status(id),
            other => return not_found(&format!("/{}", other.join("/"))),
        };
        Reply::of(200, body)
    }

    fn job_route(&mut self, asked: &Asked, id: &str, rest: &[&str]) -> Reply {
        if id.len() != 32 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            let why = format!(
                "Bad request, could not parse parameters: Cannot resolve path parameter (jobid) from value \"{id}\"."
            );
            return refused(400, "RestHandlerException", &why, &[]);
        }
        if let ["savepoints", trigger] = rest {
            return self.trigger_status(id, trigger);
        }
        if !self.jobs.contains_key(id) {
            return match rest {
                ["metrics"] => Reply::of(200, json!([])),
                ["status"] => broken(&[&not_known(id)]),
                _ => refused(404, "NotFoundException", &format!("Job {id} not found"), &[&not_known(id)]),
            };
        }
        match rest {
            ["status"] => Reply::of(200, json!({ "status": self.jobs[id].state })),
            ["metrics"] => Reply::of(200, shapes::job_metrics(&self.jobs[id], asked.param("get"))),
            [] => self.cached(id, "detail"),
            ["checkpoints"] => match self.jobs[id].interval {
                _ if self.jobs[id].stub => {
                    refused(404, "RestHandlerException", "Checkpointing has not been enabled.", &[])
                }
                _ => self.cached(id, "checkpoints"),
            },
            ["exceptions"] => self.cached(id, "exceptions"),
            ["checkpoints", "config"] => Reply::of(200, shapes::checkpoint_config(&self.jobs[id])),
            ["config"] => Reply::of(200, shapes::job_config(&self.jobs[id])),
            ["vertices", vertex, "subtasks", "metrics"] => {
                let now = self.now();
                let get = asked.param("get");
                Reply::of(200, shapes::vertex_metrics(&self.jobs[id], vertex, get, asked.param("agg"), now))
            }
            _ => not_found(&asked.path),
        }
    }

    /// An answer about one job, as old as the cache allows.
    fn cached(&mut self, id: &str, part: &str) -> Reply {
        let (now, new) = (self.now(), self.is_new());
        let age = self.settings.cache;
        let job = self.jobs.get_mut(id).unwrap();
        if job.cache.as_ref().is_none_or(|(at, _)| now.saturating_sub(*at) >= age) {
            let all = json!({
                "detail": shapes::detail(job, new),
                "checkpoints": shapes::checkpoints(job),
                "exceptions": shapes::exceptions(job, new),
            });
            job.cache = Some((now, all));
        }
        Reply::of(200, job.cache.as_ref().map(|(_, all)| all[part].clone()).unwrap())
    }
}

fn decoded(part: &str) -> String {
    let url = reqwest::Url::parse(&format!("http://x/?p={}", part.replace('+', "%2B"))).unwrap();
    url.query_pairs().next().map(|(_, v)| v.into_owned()).unwrap_or_default()
}

pub(super) fn not_known(job: &str) -> String {
    format!("org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job ({job})")
}

fn not_found(path: &str) -> Reply {
    Reply::of(404, json!({ "errors": [format!("Unable to load requested file {path}.")] }))
}

/// A Java stack trace with these causes.
pub(super) fn trace(first: &str, causes: &[&str]) -> String {
    let mut text = format!("{first}\n\tat org.apache.flink.fake.Fake.handle(Fake.java:1)\n");
    for cause in causes {
        text +=
            &format!("Caused by: {cause}\n\tat org.apache.flink.fake.Fake.run(Fake.java:2)\n\t... 1 more\n");
    }
    text
}

/// Flink refuses: 4xx with one text.
pub(super) fn refused(status: u16, class: &str, why: &str, causes: &[&str]) -> Reply {
    let package = "org.apache.flink.runtime.rest.handler";
    let text = trace(&format!("{package}.{class}: {why}"), causes);
    Reply::of(status, json!({ "errors": [text] }))
}

/// Flink stumbles: 500 with two texts.
pub(super) fn broken(causes: &[&str]) -> Reply {
    let text = trace(
        causes.first().unwrap_or(&"java.lang.NullPointerException"),
        causes.get(1..).unwrap_or_default(),
    );
    let wrapped = format!("<Exception on server side:\n{text}\nEnd of exception on server side>");
    Reply::of(500, Value::from_iter([("errors", json!(["Internal server error.", wrapped]))]))
}
