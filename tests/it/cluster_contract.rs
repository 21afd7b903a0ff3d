//! What nutkin relies on in a Flink cluster, checked twice: on the fake, so that tests on it mean something, and on real
//! Flink. Every case speaks through the real client only.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nutkin::{
    adapters::{clock::SystemClock, flink::FlinkFactory, target::Eyes},
    demo::cluster::{JOB_MANAGER, Shape},
    domain::{
        deployment::FlinkState,
        flink::{AsyncStatus, CancelAnswer, CheckpointKind, Checkpoints, JobSummary},
        ids::{FlinkJobId, Hex32},
        location,
        savepoint::Format,
        target::TargetSpec,
        time::Clock,
    },
    manager::ports::{
        ClusterFactory, SavepointEyes,
        cluster::{Cluster, ClusterResult, Effect, RunRequest, SavepointRequest},
    },
};
use serde_json::json;

use crate::{
    fake::{Fake, RunOutcome, Settings},
    support::flink::{self, NEW, OLDEST, TestCluster, small},
};

/// Slots of both clusters.
const SLOTS: u32 = 4;

/// What carries the cluster.
enum Ground {
    Fake(Fake),
    Real(Box<TestCluster>),
}

/// A cluster of either sort, and what a case needs on it.
struct Bed {
    ground: Ground,
    version: &'static str,
    target: TargetSpec,
    cluster: Arc<dyn Cluster>,
    dir: tempfile::TempDir,
}

impl Bed {
    fn fake() -> Self {
        let fake = Fake::start(Settings { slots: SLOTS, restarts: true, ..Settings::default() });
        let boom = "java.lang.IllegalStateException: task failed at its start on purpose";
        fake.on_jar(
            "MainThrows",
            RunOutcome::MainThrows("java.lang.IllegalStateException: main gave up on purpose".into()),
        );
        fake.on_jar("NoMain", RunOutcome::NoMainClass);
        fake.on_jar("OtherUids", RunOutcome::StateDoesNotMap);
        fake.on_jar("FailsAtStart", RunOutcome::TaskFailsAtOnce(boom.into()));
        fake.on_jar("RestartLoop", RunOutcome::RestartLoop(boom.into()));
        fake.on_jar("SlowMain", RunOutcome::SlowMain(Duration::from_millis(1500), Box::new(RunOutcome::Ok)));
        let url = fake.url();
        Self::on(Ground::Fake(fake), NEW, &url)
    }

    async fn real(version: &'static str) -> Self {
        let shape = Shape { task_managers: 1, slots: SLOTS, ..small() };
        let real = TestCluster::private(version, shape).await;
        let url = real.url();
        Self::on(Ground::Real(Box::new(real)), version, &url)
    }

    fn on(ground: Ground, version: &'static str, url: &str) -> Self {
        let target: TargetSpec =
            serde_json::from_value(json!({ "url": url, "savepointAccess": "LOCAL" })).unwrap();
        let cluster = FlinkFactory::new(Arc::new(SystemClock)).connect(&target).unwrap();
        Self { ground, version, target, cluster, dir: tempfile::tempdir().unwrap() }
    }

    /// The jar of a release of the payments program (`v1`), or of a test program (`MainThrows`).
    async fn jar(&self, name: &str) -> PathBuf {
        match &self.ground {
            Ground::Fake(_) => {
                let file = self.dir.path().join(format!("{name}.jar"));
                std::fs::write(&file, name).unwrap();
                file
            }
            Ground::Real(_) if name.starts_with('v') => flink::payments(self.version).await.release(name),
            Ground::Real(_) => flink::test_job(self.version, name).await,
        }
    }

    async fn upload(&self, name: &str) -> String {
        let file = self.jar(name).await;
        let jar = self.cluster.upload_jar(&file, &format!("{name}.jar"), Arc::default()).await.unwrap();
        assert_eq!(jar.name, format!("{name}.jar"));
        jar.id
    }

    async fn run(&self, name: &str, request: &RunRequest) -> ClusterResult<FlinkJobId> {
        self.cluster.run_jar(&self.upload(name).await, request).await
    }

    /// A running job of the payments program.
    async fn payments(&self, request: &RunRequest) -> FlinkJobId {
        let job = self.run("v1", request).await.unwrap();
        assert_eq!(Some(&job), request.job_id.as_ref());
        self.running(&job).await;
        job
    }

    async fn summary(&self, job: &FlinkJobId) -> Option<JobSummary> {
        self.cluster.jobs().await.unwrap().items.into_iter().find(|j| j.id == *job)
    }
    async fn running(&self, job: &FlinkJobId) {
        until("all tasks running", async || {
            self.summary(job).await.filter(|j| j.state == FlinkState::Running && j.tasks.all_running())
        })
        .await;
    }
    async fn state(&self, job: &FlinkJobId, state: FlinkState) -> JobSummary {
        until(&format!("{state}"), async || self.summary(job).await.filter(|j| j.state == state)).await
    }
    async fn checkpoints(&self, job: &FlinkJobId, holds: impl Fn(&Checkpoints) -> bool) -> Checkpoints {
        until("such checkpoints", async || self.cluster.checkpoints(job).await.unwrap().filter(&holds)).await
    }
    async fn done(&self, job: &FlinkJobId, trigger: &Hex32) -> AsyncStatus {
        until("an end of the operation", async || {
            let status = self.cluster.savepoint_status(job, trigger).await.unwrap();
            Some(status).filter(|s| *s != AsyncStatus::InProgress)
        })
        .await
    }
    async fn cancel(&self, job: &FlinkJobId) {
        assert_eq!(self.cluster.cancel(job).await.unwrap(), CancelAnswer::Accepted);
        self.state(job, FlinkState::Canceled).await;
    }
    /// Stops the job and answers where its savepoint is.
    async fn stop(&self, job: &FlinkJobId) -> String {
        let request = self.savepoint("stop");
        self.cluster.stop(job, &request).await.unwrap();
        match self.done(job, &request.trigger).await {
            AsyncStatus::Completed { location: Some(location) } => location,
            other => panic!("{other:?}"),
        }
    }
    async fn total(&self, job: &FlinkJobId, above: f64) -> f64 {
        let name = ["payments.total".to_owned()];
        until(&format!("payments.total above {above}"), async || {
            let sums = self.cluster.metric_sums(job, &name).await.unwrap();
            sums.get(&name[0]).copied().filter(|v| *v > above)
        })
        .await
    }
    /// A submission of the payments program under a fresh id.
    fn request(&self) -> RunRequest {
        let configuration: &[(&str, &str)] = match self.version {
            // It takes none; the cluster's own says the same.
            OLDEST => &[],
            _ => &[
                ("execution.checkpointing.interval", "500 ms"),
                ("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION"),
            ],
        };
        RunRequest {
            job_id: Some(fresh()),
            args: ["--rate", "200", "--interval", "500"].map(Into::into).into(),
            parallelism: 1,
            flink_configuration: configuration.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            ..RunRequest::default()
        }
    }
    fn restoring(&self, path: &str) -> RunRequest {
        RunRequest { savepoint_path: Some(path.to_owned()), ..self.request() }
    }
    fn savepoint(&self, name: &str) -> SavepointRequest {
        SavepointRequest {
            trigger: fresh(),
            directory: Some(format!("file://{}/{name}-{}", self.dir.path().display(), fresh())),
            format: Format::Canonical,
            drain: false,
        }
    }
}

fn fresh() -> Hex32 {
    Hex32::from_bytes(*uuid::Uuid::new_v4().as_bytes())
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = SystemClock.boottime() + Duration::from_secs(60);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(SystemClock.boottime() < deadline, "waited in vain for {what}");
        SystemClock.sleep(Duration::from_millis(30)).await;
    }
}

async fn it_says_what_it_is(bed: &Bed) {
    // A TaskManager is counted a moment before its slots are.
    let overview = until("slots", async || {
        Some(bed.cluster.overview().await.unwrap()).filter(|o| o.slots_total == SLOTS)
    })
    .await;
    assert_eq!(overview.flink_version, bed.version);
    assert!(overview.task_managers >= 1);
    let all = bed.cluster.task_managers().await.unwrap();
    assert_eq!(all.len(), overview.task_managers as usize);
    assert_eq!(all.iter().map(|t| t.slots).sum::<u32>(), overview.slots_total, "{all:?}");
    let config = bed.cluster.config().await.unwrap();
    assert!(config.web_submit && config.flink_version == bed.version);
    let own = bed.cluster.jobmanager_config().await.unwrap();
    assert_eq!(own.get("taskmanager.numberOfTaskSlots").map(String::as_str), Some("4"));
}

async fn jars_come_and_go(bed: &Bed) {
    let file = bed.jar("v1").await;
    let sent = Arc::new(AtomicU64::new(0));
    let jar = bed.cluster.upload_jar(&file, "v1.jar", sent.clone()).await.unwrap();
    assert_eq!(sent.load(Ordering::Relaxed), file.metadata().unwrap().len());
    assert!(bed.cluster.jars().await.unwrap().contains(&jar));
    let again = bed.cluster.upload_jar(&file, "v1.jar", sent).await.unwrap();
    assert_ne!(again.id, jar.id, "every upload is a new jar");
    bed.cluster.plan_jar(&jar.id, &RunRequest { parallelism: 1, ..RunRequest::default() }).await.unwrap();
    bed.cluster.delete_jar(&jar.id).await.unwrap();
    assert!(!bed.cluster.jars().await.unwrap().contains(&jar));
    assert_eq!(bed.cluster.delete_jar(&jar.id).await.unwrap_err().flink_status(), Some(400));
    let e = bed.cluster.run_jar(&jar.id, &bed.request()).await.unwrap_err();
    assert_eq!((e.flink_status(), e.effect), (Some(500), Effect::None));
    assert!(e.message.contains("does not exist"), "{e}");
}

async fn a_job_has_the_id_that_we_chose_and_only_once(bed: &Bed) {
    let request = bed.request();
    let job = bed.payments(&request).await;
    assert_eq!(bed.cluster.job_status(&job).await.unwrap(), Some(FlinkState::Running));
    let detail =
        until("details", async || bed.cluster.job(&job).await.unwrap().filter(|d| !d.vertices.is_empty()))
            .await;
    assert!(detail.vertices.iter().all(|v| v.parallelism >= 1 && v.max_parallelism.is_some()));
    let duplicate = async || {
        let e = bed.run("v1", &request).await.unwrap_err();
        assert_eq!((e.flink_status(), e.effect), (Some(400), Effect::Possible));
        assert!(e.message.contains("has already been submitted"), "{e}");
    };
    duplicate().await;
    bed.cancel(&job).await;
    duplicate().await;
    // Only another end than the wanted one is refused.
    assert_eq!(bed.cluster.cancel(&job).await.unwrap(), CancelAnswer::Accepted);
}

async fn unknown_jobs_are_unknown(bed: &Bed) {
    let nobody = fresh();
    assert_eq!(bed.cluster.job_status(&nobody).await.unwrap(), None);
    assert_eq!(bed.cluster.job(&nobody).await.unwrap(), None);
    assert_eq!(bed.cluster.checkpoints(&nobody).await.unwrap(), None);
    assert_eq!(bed.cluster.checkpoint_config(&nobody).await.unwrap(), None);
    assert_eq!(bed.cluster.restarts(&nobody).await.unwrap(), None);
    assert!(bed.cluster.metric_sums(&nobody, &["x".into()]).await.unwrap().is_empty());
    assert_eq!(bed.cluster.exceptions(&nobody, 1).await.unwrap_err().flink_status(), Some(404));
    assert_eq!(bed.cluster.cancel(&nobody).await.unwrap(), CancelAnswer::UnknownJob);
    assert_eq!(bed.cluster.savepoint_status(&nobody, &fresh()).await.unwrap(), AsyncStatus::Unknown);
    // Anything is accepted; the truth comes later.
    let savepoint = bed.savepoint("nobody");
    bed.cluster.trigger_savepoint(&nobody, &savepoint).await.unwrap();
    let status = bed.done(&nobody, &savepoint.trigger).await;
    assert!(
        matches!(&status, AsyncStatus::Failed { full, .. } if full.contains("FlinkJobNotFound")),
        "{status:?}"
    );
}

async fn a_savepoint_is_taken_once_per_trigger(bed: &Bed) {
    let job = bed.payments(&bed.request()).await;
    let savepoint = bed.savepoint("once");
    let directory = savepoint.directory.clone().unwrap();
    bed.cluster.trigger_savepoint(&job, &savepoint).await.unwrap();
    bed.cluster.trigger_savepoint(&job, &savepoint).await.unwrap();
    let AsyncStatus::Completed { location: Some(place) } = bed.done(&job, &savepoint.trigger).await else {
        panic!("no savepoint")
    };
    bed.cluster.trigger_savepoint(&job, &savepoint).await.unwrap();
    assert!(location::is_below(&place, &directory), "{place}");
    let children = Eyes.children(&bed.target, &directory).await.unwrap();
    assert_eq!(children.len(), 1, "{children:?}");
    assert!(children[0].complete && location::same(&children[0].location, &place));
    assert_eq!(Eyes.is_complete(&bed.target, &place).await, Some(true));
    let stats = bed.checkpoints(&job, |c| c.latest_savepoint.is_some()).await;
    let savepoint = stats.latest_savepoint.unwrap();
    assert!(
        location::same(savepoint.path.as_deref().unwrap(), &place)
            && savepoint.kind == CheckpointKind::Savepoint
    );
    assert_eq!(bed.cluster.job_status(&job).await.unwrap(), Some(FlinkState::Running), "the job goes on");
    bed.cancel(&job).await;
}

async fn a_stopped_job_goes_on_with_its_state(bed: &Bed) {
    let job = bed.payments(&bed.request()).await;
    let before = bed.total(&job, 20.0).await;
    let place = bed.stop(&job).await;
    let ended = bed.state(&job, FlinkState::Finished).await;
    assert!(ended.end_time.is_some());
    assert_eq!(bed.cluster.cancel(&job).await.unwrap(), CancelAnswer::AlreadyTerminal);
    let stats = bed.checkpoints(&job, |c| c.latest_savepoint.is_some()).await;
    assert_eq!(stats.latest_savepoint.unwrap().kind, CheckpointKind::SyncSavepoint);

    let next = bed.payments(&bed.restoring(&place)).await;
    let stats = bed.checkpoints(&next, |c| c.latest_restored.is_some()).await;
    let restored = stats.latest_restored.unwrap();
    assert!(location::same(restored.path.as_deref().unwrap(), &place), "{restored:?}");
    assert!(bed.total(&next, 0.0).await >= before);
    bed.cancel(&next).await;
    assert_eq!(Eyes.is_complete(&bed.target, &place).await, Some(true), "NO_CLAIM leaves it");
}

async fn retained_checkpoints_survive_a_cancel(bed: &Bed) {
    let job = bed.payments(&bed.request()).await;
    let config = bed.cluster.checkpoint_config(&job).await.unwrap().unwrap();
    assert!(config.retained && config.interval.unwrap().to_string() == "500ms", "{config:?}");
    bed.checkpoints(&job, |c| c.latest_completed.is_some()).await;
    bed.cancel(&job).await;
    // The job's state and its statistics have caches of their own, and what these say right after the end may be a checkpoint
    // that a newer one has replaced.
    until("a settled answer", async || {
        bed.cluster.job(&job).await.unwrap().filter(|d| d.state == FlinkState::Canceled)
    })
    .await;
    let kept = |c: &Checkpoints| c.latest_completed.as_ref().is_some_and(|last| !last.discarded);
    let last = bed.checkpoints(&job, kept).await.latest_completed.unwrap();
    let place = last.path.unwrap();
    assert_eq!(location::checkpoint_number(&place), Some(last.id));
    assert!(place.contains(job.as_str()), "{job}: {place}");
    assert_eq!(Eyes.is_complete(&bed.target, &place).await, Some(true));
    let next = bed.payments(&bed.restoring(&place)).await;
    bed.cancel(&next).await;
}

async fn a_wrong_savepoint_burns_the_id(bed: &Bed) {
    let missing = bed.restoring(&format!("file://{}/none", bed.dir.path().display()));
    let e = bed.run("v1", &missing).await.unwrap_err();
    assert_eq!((e.flink_status(), e.effect), (Some(400), Effect::Possible));
    assert!(e.message.contains("Cannot find checkpoint or savepoint"), "{e}");
    let job = missing.job_id.clone().unwrap();
    assert_eq!(bed.state(&job, FlinkState::Failed).await.tasks.total, 0);
    let e = bed.run("v1", &RunRequest { savepoint_path: None, ..missing }).await.unwrap_err();
    assert!(e.message.contains("has already been submitted"), "{e}");

    let incomplete = bed.dir.path().join("incomplete");
    std::fs::create_dir_all(&incomplete).unwrap();
    let e = bed.run("v1", &bed.restoring(&format!("file://{}", incomplete.display()))).await.unwrap_err();
    assert!(e.message.contains("_metadata"), "{e}");
}

async fn programs_that_cannot_start_say_why(bed: &Bed) {
    let throws = bed.request();
    let e = bed.run("MainThrows", &throws).await.unwrap_err();
    assert_eq!(e.flink_status(), Some(400));
    assert!(e.message.contains("main gave up on purpose"), "{e}");
    assert_eq!(bed.summary(throws.job_id.as_ref().unwrap()).await, None, "no job, and the id is free");
    bed.cancel(&bed.payments(&throws).await).await;

    let e = bed.run("NoMain", &bed.request()).await.unwrap_err();
    assert_eq!((e.flink_status(), e.effect), (Some(500), Effect::None));
    assert!(e.message.contains("Neither a 'Main-Class'"), "{e}");
}

async fn state_that_fits_nothing_is_refused(bed: &Bed) {
    let place = bed.stop(&bed.payments(&bed.request()).await).await;
    let strict = bed.restoring(&place);
    let e = bed.run("OtherUids", &strict).await.unwrap_err();
    assert_eq!(e.flink_status(), Some(400));
    assert!(e.message.contains("Cannot map checkpoint/savepoint state"), "{e}");
    bed.state(strict.job_id.as_ref().unwrap(), FlinkState::Failed).await;
    let lax = RunRequest { allow_non_restored_state: true, ..bed.restoring(&place) };
    let job = bed.run("OtherUids", &lax).await.unwrap();
    bed.running(&job).await;
    bed.cancel(&job).await;
}

async fn tasks_can_fail_after_the_answer(bed: &Bed) {
    let job = bed.run("FailsAtStart", &bed.request()).await.unwrap();
    bed.state(&job, FlinkState::Failed).await;
    let list = until("the exception", async || {
        Some(bed.cluster.exceptions(&job, 5).await.unwrap()).filter(|l| !l.is_empty())
    })
    .await;
    assert!(list[0].root_cause.contains("task failed at its start on purpose"), "{:?}", list[0].root_cause);

    let job = bed.run("RestartLoop", &bed.request()).await.unwrap();
    until("two restarts", async || bed.cluster.restarts(&job).await.unwrap().filter(|n| *n >= 2)).await;
    bed.cancel(&job).await;
}

async fn jobs_without_slots_wait(bed: &Bed) {
    let job = bed.run("v1", &RunRequest { parallelism: SLOTS + 1, ..bed.request() }).await.unwrap();
    let waiting = bed.state(&job, FlinkState::Running).await;
    assert!(waiting.tasks.pending > 0 && !waiting.tasks.all_running(), "{waiting:?}");
    let savepoint = bed.savepoint("waiting");
    bed.cluster.stop(&job, &savepoint).await.unwrap();
    let status = bed.done(&job, &savepoint.trigger).await;
    let AsyncStatus::Failed { reason, .. } = status else { panic!("{status:?}") };
    assert!(reason.contains("not being executed at the moment"), "{reason}");
    assert_eq!(bed.cluster.job_status(&job).await.unwrap(), Some(FlinkState::Running), "it waits on");
    bed.cancel(&job).await;
}

async fn a_slow_main_holds_the_answer_back(bed: &Bed) {
    let mut request = bed.request();
    request.args.extend(["--main-ms".to_owned(), "1500".to_owned()]);
    let (jar, before) = (bed.upload("SlowMain").await, SystemClock.boottime());
    let job = bed.cluster.run_jar(&jar, &request).await.unwrap();
    assert!(SystemClock.boottime() - before >= Duration::from_millis(1500));
    bed.running(&job).await;
    bed.cancel(&job).await;
}

async fn disposal_removes_files(bed: &Bed) {
    let place = bed.stop(&bed.payments(&bed.request()).await).await;
    let dispose = async || {
        let id = bed.cluster.dispose(&place).await.unwrap();
        until("the disposal", async || {
            Some(bed.cluster.disposal_status(&id).await.unwrap()).filter(|s| *s != AsyncStatus::InProgress)
        })
        .await
    };
    assert_eq!(dispose().await, AsyncStatus::Completed { location: None });
    assert_eq!(Eyes.is_complete(&bed.target, &place).await, Some(false));
    assert!(matches!(dispose().await, AsyncStatus::Failed { .. }));
    assert_eq!(bed.cluster.disposal_status(&fresh()).await.unwrap(), AsyncStatus::Unknown);
}

/// Destroys what the cluster knows: the last case.
async fn a_new_jobmanager_knows_only_jars(bed: &mut Bed) {
    let (request, savepoint) = (bed.request(), bed.savepoint("forgotten"));
    let job = bed.payments(&request).await;
    bed.cluster.trigger_savepoint(&job, &savepoint).await.unwrap();
    assert!(matches!(bed.done(&job, &savepoint.trigger).await, AsyncStatus::Completed { .. }));
    let jar = bed.upload("v1").await;
    match &mut bed.ground {
        Ground::Fake(fake) => fake.restart_without_memory(),
        Ground::Real(real) => {
            real.cluster.process(JOB_MANAGER).unwrap().kill();
            until("its end", async || (!real.cluster.is_alive(JOB_MANAGER)).then_some(())).await;
            assert!(bed.cluster.jobs().await.unwrap_err().is_unreachable());
            real.cluster.restart(JOB_MANAGER).unwrap();
        }
    }
    until("an answer", async || bed.cluster.overview().await.ok()).await;
    let jobs = until("the list", async || bed.cluster.jobs().await.ok()).await;
    assert!(jobs.items.is_empty() && jobs.changed);
    assert_eq!(bed.cluster.job_status(&job).await.unwrap(), None);
    assert_eq!(bed.cluster.savepoint_status(&job, &savepoint.trigger).await.unwrap(), AsyncStatus::Unknown);
    assert!(bed.cluster.jars().await.unwrap().iter().any(|j| j.id == jar));
    assert_eq!(bed.cluster.run_jar(&jar, &request).await.unwrap(), job, "the id is free again");
}

macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod on_the_fake {
            use super::Bed;
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(&Bed::fake()).await;
                }
            )+
            #[tokio::test]
            async fn a_new_jobmanager_knows_only_jars() {
                super::a_new_jobmanager_knows_only_jars(&mut Bed::fake()).await;
            }
        }

        /// One cluster for all cases, one after the other: some take all of its slots, the last one kills it.
        async fn on_real(version: &'static str) {
            let mut bed = Bed::real(version).await;
            $(
                let begin = SystemClock.boottime();
                $case(&bed).await;
                println!("{:>6.1} s  {}", (SystemClock.boottime() - begin).as_secs_f32(), stringify!($case));
            )+
            a_new_jobmanager_knows_only_jars(&mut bed).await;
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn on_real_flink() {
    on_real(NEW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_oldest_flink() {
    on_real(OLDEST).await;
}

contract!(
    it_says_what_it_is,
    jars_come_and_go,
    a_job_has_the_id_that_we_chose_and_only_once,
    unknown_jobs_are_unknown,
    a_savepoint_is_taken_once_per_trigger,
    a_stopped_job_goes_on_with_its_state,
    retained_checkpoints_survive_a_cancel,
    a_wrong_savepoint_burns_the_id,
    programs_that_cannot_start_say_why,
    state_that_fits_nothing_is_refused,
    tasks_can_fail_after_the_answer,
    jobs_without_slots_wait,
    a_slow_main_holds_the_answer_back,
    disposal_removes_files,
);
