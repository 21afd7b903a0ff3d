//! Jars, plans and runs.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    jobs::{Job, Tasks},
    server::{Asked, Reply},
    snapshots::Checkpoint,
    timers::Timer,
    world::{World, broken, refused},
};

/// What a run does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutcome {
    /// As nature has it: duplicates, savepoints and slots decide.
    Ok,
    /// `main()` throws before it reaches `execute()`: 400, no job, the id is not burnt.
    MainThrows(String),
    /// `main()` takes this long, then the rest happens.
    SlowMain(Duration, Box<RunOutcome>),
    /// The savepoint's state maps to no operator: 400, a FAILED job, the id is burnt.
    StateDoesNotMap,
    /// A task fails right after the start: 200, then FAILED.
    TaskFailsAtOnce(String),
    /// The job restarts for ever.
    RestartLoop(String),
    /// 200, and then FAILED for want of slots.
    NoResources,
    /// `main()` executes twice: 400, and the first job runs.
    HalfSubmitted,
    /// `main()` calls `System.exit`: the JobManager is gone, with everything it knew.
    Exits,
    /// Neither a main class in the jar nor one in the request: 500.
    NoMainClass,
}

/// An uploaded jar.
#[derive(Debug, Clone)]
pub struct Jar {
    /// `<uuid>_<name>`.
    pub id: String,
    /// The file name of the upload.
    pub name: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Epoch milliseconds.
    pub uploaded: i64,
}

impl World {
    pub(super) fn jar_route(&mut self, asked: &Asked, method: &str, rest: &[&str]) -> Reply {
        match (method, rest) {
            ("POST", ["upload"]) => self.upload(asked),
            ("DELETE", [id]) => {
                if self.jars.shift_remove(*id).is_none() {
                    let why = format!("File {id} does not exist in /fake/flink-web-upload.");
                    return refused(400, "RestHandlerException", &why, &[]);
                }
                self.record("delete-jar", id, "", true);
                Reply::of(200, json!({}))
            }
            ("POST", [id, "plan"]) => self.plan(id),
            ("POST", [id, "run"]) => self.run(asked, id),
            _ => Reply::of(404, json!({ "errors": ["Not found."] })),
        }
    }

    fn upload(&mut self, asked: &Asked) -> Reply {
        let Some((name, content)) = file_of(asked) else {
            return refused(400, "RestHandlerException", "Exactly 1 file must be sent, received 0.", &[]);
        };
        if !name.ends_with(".jar") {
            return refused(400, "RestHandlerException", "Only Jar files are allowed.", &[]);
        }
        if self.jars.values().any(|j| j.name == name) && self.books.is_some() {
            self.violations.push(format!("I2: {name} was there and is uploaded once more"));
        }
        let id = format!("{:08x}-0000-4000-8000-000000000000_{name}", self.fresh());
        let jar = Jar { id: id.clone(), name: name.clone(), content, uploaded: self.wall() };
        self.jars.insert(id.clone(), jar);
        self.record("upload", &name, "", true);
        let filename = format!("/fake/flink-web-upload/{id}");
        Reply::of(200, json!({ "filename": filename, "status": "success" }))
    }

    fn no_jar(id: &str) -> Reply {
        broken(&[
            "java.util.concurrent.CompletionException: no jar",
            &format!(
                "org.apache.flink.runtime.rest.handler.RestHandlerException: Jar file /fake/flink-web-upload/{id} does not exist"
            ),
        ])
    }

    fn plan(&mut self, id: &str) -> Reply {
        let Some(jar) = self.jars.get(id).cloned() else { return Self::no_jar(id) };
        self.record("plan", id, "", true);
        match self.rule(&jar) {
            Some(RunOutcome::Exits) => Reply { dies: true, ..Reply::of(0, Value::Null) },
            Some(RunOutcome::MainThrows(why)) => broken(&[
                "org.apache.flink.client.program.ProgramInvocationException: The main method caused an error",
                &why,
            ]),
            Some(RunOutcome::NoMainClass) => broken(&[NO_MAIN]),
            _ => Reply::of(200, json!({ "plan": { "jid": "0".repeat(32), "name": "plan", "nodes": [] } })),
        }
    }

    fn rule(&self, jar: &Jar) -> Option<RunOutcome> {
        let text = String::from_utf8_lossy(&jar.content);
        let hit = |marker: &str| jar.name.contains(marker) || text.contains(marker);
        self.jar_rules.iter().find(|(marker, _)| hit(marker)).map(|(_, o)| o.clone())
    }

    fn run(&mut self, asked: &Asked, id: &str) -> Reply {
        let Some(jar) = self.jars.get(id).cloned() else { return Self::no_jar(id) };
        let body = asked.json();
        if !body.is_object() {
            return refused(
                400,
                "RestHandlerException",
                "Request did not match expected format JarRunRequestBody.",
                &[],
            );
        }
        if self.settings.version.starts_with("1.16") && body.get("flinkConfiguration").is_some() {
            return refused(
                400,
                "RestHandlerException",
                "Request did not match expected format JarRunRequestBody.",
                &[
                    "com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException: Unrecognized field \"flinkConfiguration\"",
                ],
            );
        }
        let outcome = self.next_runs.pop_front().or_else(|| self.rule(&jar)).unwrap_or(RunOutcome::Ok);
        self.submit(outcome, body)
    }

    fn submit(&mut self, outcome: RunOutcome, body: Value) -> Reply {
        let given = body["jobId"].as_str().map(str::to_owned);
        let key = given.clone().unwrap_or_default();
        match outcome {
            RunOutcome::SlowMain(delay, then) => {
                let later = Box::new(move |world: &mut World| world.submit(*then, body));
                Reply { later: Some((delay, later)), ..Reply::of(0, Value::Null) }
            }
            RunOutcome::Exits => {
                self.record("run", &key, &key, false);
                Reply { dies: true, ..Reply::of(0, Value::Null) }
            }
            RunOutcome::NoMainClass => {
                self.record("run", &key, &key, false);
                broken(&[NO_MAIN])
            }
            RunOutcome::MainThrows(why) => {
                self.record("run", &key, &key, false);
                failed_run("The main method caused an error: fake: main() refuses to start", &why)
            }
            other => {
                let id = given.unwrap_or_else(|| format!("{:032x}", 0xfeed_0000 + self.fresh()));
                self.execute(&other, &id, body)
            }
        }
    }

    /// `execute()`: the JobManager gets the job.
    fn execute(&mut self, outcome: &RunOutcome, id: &str, body: Value) -> Reply {
        if self.burnt.contains(id) {
            self.record("run", id, id, false);
            let class = if self.is_new() {
                "DuplicateApplicationSubmissionException: Application"
            } else {
                "DuplicateJobSubmissionException: Job"
            };
            return failed_run(
                MAIN,
                &format!("org.apache.flink.runtime.client.{class} has already been submitted."),
            );
        }
        self.record("run", id, id, true);
        self.must_be_alone(id);
        self.submissions.push((id.to_owned(), body.clone()));
        let job = match self.set_up(outcome, id, &body) {
            Ok(job) => job,
            Err(why) => {
                self.fails_in_setup(id, &body, &why);
                return failed_run(MAIN, &why);
            }
        };
        self.launch(job);
        let (soon, owned) = (self.settings.start, id.to_owned());
        match outcome {
            RunOutcome::TaskFailsAtOnce(cause) => self.after(soon * 2, Timer::Fails(owned, cause.clone())),
            RunOutcome::RestartLoop(cause) => self.after(soon * 2, Timer::LoopTurn(owned, cause.clone())),
            RunOutcome::NoResources => {
                let cause = "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Could not acquire the minimum required resources.";
                self.timers.retain(|(_, t)| *t != Timer::TasksRun(owned.clone()));
                self.after(soon, Timer::Fails(owned, cause.to_owned()));
            }
            RunOutcome::HalfSubmitted => {
                return failed_run(
                    "The main method caused an error: cannot execute twice",
                    "org.apache.flink.util.FlinkRuntimeException: Cannot have more than one execute() or executeAsync() call in a single environment.",
                );
            }
            _ => {}
        }
        let answer =
            if self.is_new() { json!({ "jobid": id, "applicationId": id }) } else { json!({ "jobid": id }) };
        Reply::of(200, answer)
    }

    /// The job as its submission has it; `Err` = why it fails while it is set up.
    fn set_up(&mut self, outcome: &RunOutcome, id: &str, body: &Value) -> Result<Job, String> {
        let (now, wall) = (self.now(), self.wall());
        let parallelism = u32::try_from(body["parallelism"].as_u64().unwrap_or(1)).unwrap();
        let mut job = Job::new(id, &name_of(body), parallelism, wall);
        job.last_checkpoint = now;
        let config = |key: &str| body["flinkConfiguration"][key].as_str().map(str::to_owned);
        let span = |key| config(key).and_then(|t| t.parse::<nutkin::domain::time::Span>().ok());
        let millis = |key| span(key).map(|s| s.0.as_millis() as u64);
        let asked = millis("execution.checkpointing.interval").or(self.settings.checkpoint_interval);
        job.interval = self.settings.program_interval.or(asked);
        job.timeout = millis("execution.checkpointing.timeout").unwrap_or(job.timeout);
        if let Some(retention) = config("execution.checkpointing.externalized-checkpoint-retention") {
            job.retention = retention;
        }
        if let Some(path) = body["savepointPath"].as_str() {
            let missing = format!(
                "java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory '{path}' on file system 'file'."
            );
            let found = self.find_snapshot(path).ok_or_else(|| missing.clone())?;
            if !found.complete {
                return Err(format!(
                    "java.io.FileNotFoundException: Cannot find meta data file '_metadata' in directory '{path}'. Please try to load the checkpoint/savepoint directly from the metadata file instead of the directory."
                ));
            }
            if *outcome == RunOutcome::StateDoesNotMap && body["allowNonRestoredState"] != true {
                return Err(format!(
                    "java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint {path}. Cannot map checkpoint/savepoint state for operator 5bd0ef266a9955ccac8c004a72bf4659 to the new program, because the operator is not available in the new program. If you want to allow to skip this, you can set the --allowNonRestoredState option on the CLI."
                ));
            }
            (job.count_base, job.next_checkpoint) = (found.count, found.checkpoint + 1);
            job.restored = Some(Checkpoint {
                id: found.checkpoint,
                status: "COMPLETED".into(),
                kind: "SAVEPOINT",
                triggered: wall,
                path: Some(found.location),
                discarded: false,
                failure: None,
                count: found.count,
                restored_at: wall,
            });
        }
        job.submitted = body.clone();
        Ok(job)
    }

    /// A FAILED job without tasks remains, and its id is burnt.
    fn fails_in_setup(&mut self, id: &str, body: &Value, why: &str) {
        let wall = self.wall();
        let mut job = Job::new(id, &name_of(body), 1, wall);
        (job.state, job.tasks, job.end_time) = ("FAILED".into(), Tasks::None, wall);
        job.exceptions.push((wall, format!("org.apache.flink.runtime.client.JobInitializationException: Could not start the JobMaster.\n\tat x\nCaused by: {why}\n\tat y\n")));
        self.burnt.insert(id.to_owned());
        self.jobs.insert(id.to_owned(), job);
    }
}

const MAIN: &str = "The main method caused an error: Failed to execute job 'fake job'.";
const NO_MAIN: &str = "org.apache.flink.client.program.ProgramInvocationException: Neither a 'Main-Class', nor a 'program-class' entry was found in the jar file.";

fn failed_run(main: &str, why: &str) -> Reply {
    let causes = [
        "java.util.concurrent.CompletionException: org.apache.flink.util.FlinkRuntimeException: Could not execute application.",
        &format!("org.apache.flink.client.program.ProgramInvocationException: {main}"),
        why,
    ];
    refused(400, "RestHandlerException", "Could not execute application.", &causes)
}

/// `--name X` in the arguments names the job, as in the programs of the tests.
fn name_of(body: &Value) -> String {
    let args: Vec<&str> =
        body["programArgsList"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let given = args.windows(2).find(|w| w[0] == "--name").map(|w| w[1].to_owned());
    let configured = body["flinkConfiguration"]["pipeline.name"].as_str().map(str::to_owned);
    given.or(configured).unwrap_or_else(|| "fake job".to_owned())
}

/// Name and bytes of the one file in a form.
pub(super) fn file_of(asked: &Asked) -> Option<(String, Vec<u8>)> {
    let boundary = asked.content_type.split_once("boundary=")?.1.trim_matches('"');
    let find = |from: usize, needle: &[u8]| {
        asked.body[from..].windows(needle.len()).position(|w| w == needle).map(|at| from + at)
    };
    let head_end = find(0, b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&asked.body[..head_end]).into_owned();
    let name = head.split_once("filename=\"")?.1.split_once('"')?.0.to_owned();
    let end = find(head_end, format!("\r\n--{boundary}").as_bytes())?;
    Some((name, asked.body[head_end..end].to_vec()))
}
