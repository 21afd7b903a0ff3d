//! The real console on real Flink, driven by keys alone: what a person sees is what has happened.
//!
//! ```text
//!   keys ─▶ pseudo-terminal ─▶ nutkin ─▶ manager ─▶ Flink ◀─ plain REST: the count since birth
//!   test ◀─ screen ◀──────────────┘
//! ```

use std::{path::Path, sync::Arc};

use portable_pty::CommandBuilder;
use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};

use super::terminal::Pty;
use crate::{
    kill::proxy::Proxy,
    real::desk::{Desk, Wanted},
    support::flink::{self, NEW, PATIENCE, TestCluster},
};

const PROD: &str = "keys/prod";

/// A person at the console.
struct Person {
    tty: Pty,
}

impl Person {
    /// Opens the console and waits until it shows this deployment so.
    fn opens(desk: &Desk, size: (u16, u16)) -> Self {
        let mut c = CommandBuilder::new(env!("CARGO_BIN_EXE_nutkin"));
        c.env_clear();
        c.cwd("/");
        c.arg("--state-dir");
        c.arg(desk.state_dir());
        c.env("HOME", desk.state_dir().parent().unwrap());
        c.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        c.env("NUTKIN_TIME_ZONE", "UTC");
        c.env("TERM", "xterm-256color");
        Self { tty: Pty::spawn(c, size) }
    }

    /// Types, without a look at what comes of it.
    fn types(&mut self, keys: &str) {
        self.tty.send(keys.as_bytes());
    }

    #[track_caller]
    fn sees(&self, words: &str) {
        self.tty.until_within(PATIENCE, words, |s| s.contents().contains(words));
    }

    /// Sees a row of a list with all these words.
    #[track_caller]
    fn sees_row(&self, words: &[&str]) {
        self.tty.until_within(PATIENCE, &format!("a row with {words:?}"), |s| {
            s.contents().lines().any(|l| words.iter().all(|w| l.contains(w)))
        });
    }

    /// Sees these words in the frame with this title, which may break them anywhere; scrolls down to them.
    #[track_caller]
    fn reads(&mut self, title: &str, words: &str) {
        let (wanted, what) = (squeezed(words), format!("{words:?} in the frame {title:?}"));
        let found = |text: &str| squeezed(text).contains(&wanted);
        // A card that is longer than the screen shows its end after some pages.
        for _page in 0..40 {
            let mut shown = String::new();
            self.tty.until_within(PATIENCE, &what, |s| {
                shown = frame(s, title).unwrap_or_default();
                found(&shown) || (!shown.is_empty() && s.contents().contains("more ↓"))
            });
            if found(&shown) {
                return;
            }
            self.tty.send(b"\x1b[6~");
            self.tty.until_within(PATIENCE, "the next page", |s| frame(s, title).as_ref() != Some(&shown));
        }
        panic!("{what}: not on forty pages; the screen shows:\n{}", self.tty.text());
    }

    /// Sees that one key confirms the card with this title: its plan has stood there long enough to be read.
    #[track_caller]
    fn may_confirm(&mut self, card: &str) {
        let button = "   y ";
        self.tty.until_within(PATIENCE, "a card that can be confirmed", |s| {
            frame(s, card).is_some_and(|t| t.contains("[ Cancel ]") && t.contains(button))
        });
    }

    /// Says yes to the card with this title, and sees the operation succeed; answers what its card says.
    #[track_caller]
    fn confirms(&mut self, card: &str, operation: &str) -> String {
        self.may_confirm(card);
        self.types("y");
        self.follows(operation)
    }

    /// Sees the operation on its card to its good end, and closes the card.
    #[track_caller]
    fn follows(&mut self, operation: &str) -> String {
        let mut last = String::new();
        self.tty.until_within(PATIENCE, &format!("{operation} to succeed"), |s| {
            let Some(text) = frame(s, operation) else { return false };
            last = text;
            last.contains("✓ succeeded")
        });
        self.types("\x1b");
        self.tty.until_within(PATIENCE, "the card to close", |s| frame(s, operation).is_none());
        last
    }

    /// The tab with this title, by the key for the next one.
    #[track_caller]
    fn turns_to(&mut self, tab: &str) {
        let wanted = format!("[{tab}]");
        for _ in 0..5 {
            let before = self.tty.text();
            if before.contains(&wanted) {
                return;
            }
            self.types("]");
            self.tty.until_within(PATIENCE, "another tab", |s| s.contents() != before);
        }
        self.sees(&wanted);
    }

    /// Leaves; nothing is at work, so nothing is asked.
    fn leaves(mut self) {
        self.types("q");
        assert_eq!(self.tty.ended(), 0);
    }
}

/// What stands in the frame whose title contains these words; `None` = there is no such frame.
fn frame(s: &vt100::Screen, title: &str) -> Option<String> {
    let (rows, cols) = (s.size().0.get(), s.size().1.get());
    let cell = |y: u16, x: u16| {
        let text = s.cell(y, x).map(vt100::Cell::contents).unwrap_or_default();
        if text.is_empty() { " ".to_owned() } else { text.to_owned() }
    };
    let line = |y: u16, from: u16, to: u16| (from..to).map(|x| cell(y, x)).collect::<String>();
    for y in 0..rows {
        let corners: Vec<u16> = (0..cols).filter(|x| cell(y, *x) == "╭").collect();
        // A frame that lies on another one's top row begins right of it.
        for left in corners.into_iter().rev() {
            let Some(right) = (left..cols).find(|x| cell(y, *x) == "╮") else { continue };
            if !line(y, left, right).contains(title) {
                continue;
            }
            let bottom = (y + 1..rows).find(|b| cell(*b, left) == "╰")?;
            return Some(
                (y + 1..bottom)
                    .map(|y| line(y, left + 1, right).trim_end().to_owned())
                    .collect::<Vec<_>>()
                    .join("\n"),
            );
        }
    }
    None
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// An id as tables show it.
fn short(id: &str) -> String {
    format!("…{}", &id[id.len() - 8..])
}

/// The newest completed savepoint of this origin: its short id, and its place.
async fn newest(desk: &Desk, name: &str, origin: &str) -> (String, String) {
    let all = desk.savepoints(name).await;
    let found = all.iter().find(|s| s["origin"] == origin && s["status"] == "COMPLETED");
    let found = found.unwrap_or_else(|| panic!("no {origin} in {all:#?}"));
    (short(found["savepointId"].as_str().unwrap()), found["location"].as_str().unwrap().to_owned())
}

/// A desk on the shared cluster with the deployment running on v1, and both jars known.
async fn stage(url: &str) -> Desk {
    let jars = flink::payments(NEW).await;
    let desk = Desk::at(url).await;
    let v1 = jars.release("v1");
    desk.apply("keys", &[Wanted { name: "prod", state: "RUNNING", jar: &v1, version: "v1", more: "" }]).await;
    desk.ok(&["artifact", "add", &jars.release("v2").display().to_string()]).await;
    desk
}

#[rstest]
#[case::narrow((80, 24))]
#[case::wide((120, 36))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_of_a_life_by_keys(#[case] size: (u16, u16)) {
    let cluster = TestCluster::shared(NEW).await;
    let desk = stage(&cluster.url()).await;
    let count = desk.count_above(PROD, 100.0).await;
    let mut person = Person::opens(&desk, size);
    person.sees_row(&["prod", "● RUNNING"]);
    person.types("2");

    // Suspend: the card, the steps, the row, and what the next start would restore.
    let count = desk.count(PROD, count).await;
    person.types("p");
    person.reads("Suspend keys/prod", "stop with a CANONICAL savepoint");
    let done = person.confirms("Suspend keys/prod", "SUSPEND keys/prod");
    assert!(done.contains("stop with a CANONICAL savepoint"), "{done}");
    person.sees_row(&["prod", "‖ SUSPENDED"]);
    let (id, place) = newest(&desk, PROD, "SUSPEND").await;
    person.sees_row(&["Next start", &id]);

    // Start: the card names the savepoint that the stop has taken.
    person.types("s");
    person.reads("Start keys/prod", &place);
    person.confirms("Start keys/prod", "START keys/prod");
    person.sees_row(&["prod", "● RUNNING"]);
    assert_eq!(desk.restored_from(PROD).await, place);
    let count = desk.count(PROD, count).await;

    // Upgrade: the form, its picker, the difference, the card.
    person.types("u");
    person.sees("Upgrade keys/prod");
    person.tty.until_within(PATIENCE, "the form to know what runs now", |s| {
        let text = s.contents();
        text.contains("--rate 200") && !text.contains("loading")
    });
    person.types("\x0f");
    picks(&mut person, "payments-v2.jar");
    person.sees("+ payments-v2.jar");
    person.types("\x13");
    person.reads("Upgrade keys/prod", "from that snapshot");
    let done = person.confirms("Upgrade keys/prod", "UPGRADE keys/prod");
    person.sees_row(&["prod", "● RUNNING"]);
    let (upgrade, place) = newest(&desk, PROD, "SUSPEND_AND_UPGRADE").await;
    assert_eq!(desk.restored_from(PROD).await, place);
    // The end of the place tells it apart; the savepoint's own card has it in full.
    let end = place.rsplit('/').next().unwrap();
    assert!(done.contains(&format!("…/{end}")), "{place}\n{done}");
    assert_eq!(desk.deployment(PROD).await["revision"], 2);
    let job = desk.flink_job(PROD).await;
    desk.rest.metric_above(&job, "payments.DE.average", 0.0).await;
    let count = desk.count(PROD, count).await;

    // Fork from a new savepoint, and start it.
    person.types("f");
    person.sees("Fork keys/prod");
    person.types("keys/canary\t\t\t ");
    person.sees("[x] start the new deployment");
    person.types("\tby keys\t");
    person.confirms("Fork keys/prod", "FORK keys/prod");
    person.sees_row(&["prod", "● RUNNING"]);
    person.sees_row(&["canary", "● RUNNING"]);
    let (request, place) = newest(&desk, PROD, "USER_REQUEST").await;
    assert_eq!(desk.restored_from("keys/canary").await, place);
    desk.count("keys/canary", count).await;
    desk.count(PROD, count).await;

    // Afterwards: what happened, and from where it went on.
    person.turns_to("Jobs");
    person.sees_row(&["● RUNNING", "2", &upgrade]);
    person.sees_row(&[&id]);
    if size.0 >= 100 {
        // The column needs the width.
        person.sees_row(&[&short(&job), &format!("savepoint {upgrade}")]);
    }
    person.turns_to("Savepoints");
    for (id, origin) in [(&request, "request"), (&upgrade, "upgrade"), (&id, "suspend")] {
        // Where there is little room, the size stands for it.
        person.sees_row(&[id, origin, if size.0 >= 100 { "✓ COMPLETED" } else { "✓" }]);
    }
    person.turns_to("Event log");
    // Checkpoints crowd the last lines: the whole log, from its end upwards.
    person.types("0z");
    for _ in 0..3 {
        person.types("\x1b[5~");
    }
    person.sees("OPERATION_SUCCEEDED");
    person.types("z");
    person.leaves();
    for name in ["keys/canary", PROD] {
        desk.act(&["cancel", name]).await;
    }
    drop(cluster);
}

/// Marks the row with these words in the open picker, and takes it.
#[track_caller]
fn picks(person: &mut Person, words: &str) {
    person.sees_row(&[words]);
    let marked = |s: &vt100::Screen| {
        frame(s, "Choose").is_some_and(|t| t.lines().any(|l| l.starts_with('▌') && l.contains(words)))
    };
    for _ in 0..6 {
        if marked(person.tty.screen.lock().unwrap().screen()) {
            break;
        }
        let before = person.tty.text();
        person.types("\x1b[B");
        person.tty.until_within(PATIENCE, "the next row", |s| s.contents() != before);
    }
    person.tty.until_within(PATIENCE, words, marked);
    person.types("\r");
}

/// The one step of the README that a person is asked to try with `kill -9`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspend_by_key_outlives_a_killed_manager() {
    let cluster = TestCluster::shared(NEW).await;
    let proxy = Proxy::before(&cluster.url()).await;
    let desk = stage(&proxy.url()).await;
    let count = desk.count_above(PROD, 100.0).await;
    let mut person = Person::opens(&desk, (120, 36));
    person.sees_row(&["prod", "● RUNNING"]);
    person.types("2p");
    person.reads("Suspend keys/prod", "stop with a CANONICAL savepoint");

    // Flink has the request; the manager dies before it hears so.
    let manager = desk.ok(&["manager", "status"]).await;
    let pid = Pid::from_raw(i32::try_from(manager["pid"].as_u64().unwrap()).unwrap()).unwrap();
    let killed = Arc::new(tokio::sync::Notify::new());
    let tell = Arc::clone(&killed);
    proxy.keep_answer("POST", "/stop", move || {
        kill_process(pid, Signal::KILL).unwrap();
        tell.notify_one();
    });
    person.may_confirm("Suspend keys/prod");
    person.types("y");
    tokio::time::timeout(PATIENCE, killed.notified()).await.expect("the manager dies in the middle");
    drop(person);

    // Opened again, the console starts a manager, and that one goes on.
    let mut person = Person::opens(&desk, (120, 36));
    person.sees_row(&["prod", "‖ SUSPENDED"]);
    person.types("2o");
    person.sees_row(&["✓ succeeded", "SUSPEND", PROD]);
    person.types("\r");
    let done = person.follows("SUSPEND keys/prod");
    assert!(done.contains("stop with a CANONICAL savepoint"), "{done}");
    person.types("\x1b");
    let again = desk.ok(&["manager", "status"]).await;
    assert_ne!(again["pid"], manager["pid"]);
    let all = desk.savepoints(PROD).await;
    assert_eq!(all.len(), 1, "one stop, one savepoint: {all:#?}");
    let place = desk.place(PROD, "SUSPEND").await;
    assert!(Path::new(place.trim_start_matches("file:")).join("_metadata").exists(), "{place}");

    // And nothing is lost.
    person.types("s");
    person.reads("Start keys/prod", &place);
    person.confirms("Start keys/prod", "START keys/prod");
    person.sees_row(&["prod", "● RUNNING"]);
    assert_eq!(desk.restored_from(PROD).await, place);
    desk.count(PROD, count).await;
    person.leaves();
    desk.act(&["cancel", PROD]).await;
    drop((proxy, cluster));
}
