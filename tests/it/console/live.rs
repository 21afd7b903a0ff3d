//! Every verb by its keys, from the card to the end of its operation: the real model and effects, over a real socket, on a
//! manager in this process and the fake Flink. What the screen says is compared with what Flink was asked to do.

use std::{sync::Arc, time::Duration};

use nutkin::{
    adapters::clock::SystemClock,
    client::{Client, connect::Place},
    domain::{
        event::Via,
        time::{Clock, Timestamp},
    },
    faces::tui::{
        Reconnect,
        effects::Effects,
        msg::{Effect, Msg},
        overlay::{Overlay, card::READ_MS},
    },
    server::{self, Access, Limits},
};
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::support::Console;
use crate::{
    fake::JobSpec,
    manager::{
        check,
        rig::{Rig, name},
    },
};

/// Nothing here takes so long unless it is broken.
const DEADLINE: Duration = Duration::from_secs(40);

/// A person before a console.
struct Night {
    rig: Rig,
    console: Console,
    effects: Effects,
    messages: mpsc::Receiver<Msg>,
    /// Milliseconds that the person's clock is ahead, so that nobody has to wait until a card is read.
    ahead: i64,
    leaving: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Night {
    async fn begin() -> Self {
        Self::after(false).await
    }

    /// The console knows the socket, or one that is dead: the manager has moved since.
    async fn after(moved: bool) -> Self {
        let rig = Rig::new().await;
        let access = Access::new(rustix::process::geteuid().as_raw(), &[], &[]);
        let (leaving, socket) = (CancellationToken::new(), rig.state.join("manager.sock"));
        let listener = server::bind(&socket, &access).unwrap();
        let router = server::router(rig.manager.clone(), Arc::new(SystemClock), leaving.clone());
        let serving =
            tokio::spawn(server::serve(listener, router, access, Limits::default(), leaving.clone()));
        let first = if moved { rig.state.join("nobody.sock") } else { socket.clone() };
        let client = Client::new(first, Via::Tui);
        let place = Place { state_dir: rig.state.clone(), socket: Some(socket) };
        let (out, messages) = mpsc::channel(256);
        let reconnect = Some(Reconnect { place, spawn: None });
        let effects = Effects::start(client, reconnect, Arc::new(SystemClock), out);
        let console = Console::bare("dark", (120, 40));
        Self { rig, console, effects, messages, ahead: 0, leaving, serving }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now_utc().millis() + self.ahead)
    }

    /// Does what the model asked for, as the loop of the real console does.
    fn act(&mut self) {
        for effect in std::mem::take(&mut self.console.effects) {
            if !matches!(effect, Effect::Repaint | Effect::Copy(_)) {
                self.effects.begin(effect);
            }
        }
    }

    fn press(&mut self, keys: &str) -> &mut Self {
        self.console.model.now = self.now();
        self.console.press(keys);
        self.act();
        self
    }

    fn type_text(&mut self, text: &str) -> &mut Self {
        self.console.type_text(text);
        self.act();
        self
    }

    /// Takes in what comes until the console is as wanted.
    async fn until(&mut self, what: &str, holds: impl Fn(&Console) -> bool) -> &mut Self {
        let deadline = SystemClock.boottime() + DEADLINE;
        while !holds(&self.console) {
            if let Ok(Some(m)) = timeout(Duration::from_millis(50), self.messages.recv()).await {
                self.console.send(m);
            }
            let now = self.now();
            self.console.send(Msg::Tick(now));
            self.act();
            assert!(
                SystemClock.boottime() < deadline,
                "{what}: not in time\n{}\n{:#?}",
                self.console.screen(),
                self.rig.fake.journal()
            );
        }
        self
    }

    /// Waits for some words.
    async fn sees(&mut self, words: &str) -> &mut Self {
        self.until(words, |c| c.screen().contains(words)).await
    }

    /// Reads the card, confirms it as it asks to be confirmed, and stays until its operation has succeeded.
    async fn confirm(&mut self, deployment: &str) {
        self.sees(" Steps").await;
        if self.console.model.types() {
            self.press("shift-tab");
        }
        self.ahead += i64::try_from(READ_MS).unwrap();
        let ask = format!("type {deployment} to confirm");
        let ready = |c: &Console| c.screen().contains("y confirm") || c.screen().contains(&ask);
        self.until("the card may be confirmed", ready).await;
        let typed = !self.console.screen().contains("y confirm");
        self.press("y");
        if typed {
            self.type_text(deployment).press("enter right enter");
        }
        let ended = |c: &Console| {
            let screen = c.screen();
            ["✓", "✗", "↺", "▲"].iter().any(|g| screen.contains(&format!("State        {g} ")))
        };
        self.until("the operation has ended", ended).await;
        assert!(self.console.screen().contains("✓ succeeded"), "{}", self.console.screen());
        assert!(matches!(self.console.model.overlays[..], [Overlay::Operation(_)]));
        self.press("esc");
        let free = |c: &Console| c.model.data.rows.get(deployment).is_none_or(|r| r.operation.is_none());
        self.until("the deployment is free", free).await;
    }

    /// Marks the row of an open list that has these words.
    fn mark(&mut self, words: &str) {
        for _ in 0..10 {
            let marked = self.console.screen().lines().any(|l| l.contains('▌') && l.contains(words));
            if marked {
                return;
            }
            self.press("down");
        }
        panic!("{words} is not in the list:\n{}", self.console.screen());
    }

    /// Acts on a route of Flink so far that had an effect.
    fn asked(&self, route: &str) -> usize {
        self.rig.fake.acts(route).len()
    }

    async fn end(self) {
        check(&*self.rig.store, &self.rig.fake).await;
        drop((self.messages, self.effects));
        self.leaving.cancel();
        timeout(DEADLINE, self.serving).await.unwrap().unwrap();
        self.rig.manager.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_life_of_a_job() {
    let mut n = Night::begin().await;
    n.rig.deployment("prod", json!({ "parallelism": 2 })).await;
    n.rig.jar("v2").await;
    n.sees("prod").await;

    n.press("2 s").confirm("pay/prod").await;
    n.sees("● RUNNING").await;
    assert_eq!((n.asked("upload"), n.asked("run")), (1, 1));
    n.press("v").sees("Take savepoint").await;
    n.confirm("pay/prod").await;
    assert_eq!((n.asked("savepoint"), n.rig.fake.live_jobs().len()), (1, 1));
    n.press("r").confirm("pay/prod").await;
    assert_eq!((n.asked("stop"), n.asked("run"), n.rig.fake.live_jobs().len()), (1, 2, 1));

    // Another program by the form, and back again.
    n.sees("● RUNNING").await;
    n.press("u").sees("Upgrade pay/prod").await;
    n.until("the form knows what runs", |c| !c.screen().contains("loading what runs now")).await;
    n.press("ctrl-o").sees("payments-v2.jar").await;
    n.mark("payments-v2.jar");
    n.press("enter").sees("+ ").await;
    n.press("ctrl-s").confirm("pay/prod").await;
    assert_eq!((n.asked("stop"), n.asked("run")), (2, 3));
    n.sees("(2)").await;
    n.press("b").confirm("pay/prod").await;
    assert_eq!((n.asked("stop"), n.asked("run")), (3, 4));
    n.sees("(1)").await;

    n.press("p").confirm("pay/prod").await;
    n.sees("‖ SUSPENDED").await;
    assert_eq!((n.asked("stop"), n.rig.fake.live_jobs().len()), (4, 0));
    n.press("s").confirm("pay/prod").await;
    n.sees("● RUNNING").await;
    n.press("x").confirm("pay/prod").await;
    n.sees("○ CANCELLED").await;
    assert_eq!((n.asked("cancel"), n.rig.fake.live_jobs().len()), (1, 0));
    n.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn savepoints_and_what_comes_from_them() {
    let mut n = Night::begin().await;
    n.rig.running("prod", json!({})).await;
    n.sees("● RUNNING").await;
    for _ in 0..2 {
        n.press("2 v").confirm("pay/prod").await;
    }
    let kept = n.rig.savepoints("prod").await;
    assert_eq!(kept.len(), 2);
    n.until("both savepoints", |c| c.model.home.savepoints.len() == 2).await;

    // A copy of it that somebody has put elsewhere.
    let place = kept[0].location.clone().unwrap();
    let copy = n.rig.savepoints.join("elsewhere");
    std::fs::create_dir_all(&copy).unwrap();
    let from = place.trim_start_matches("file:").to_owned();
    std::fs::copy(format!("{from}/_metadata"), copy.join("_metadata")).unwrap();
    n.press("3 i").type_text(&format!("file:{}", copy.display()));
    n.confirm("pay/prod").await;
    n.sees("imported").await;
    assert_eq!(n.rig.savepoints("prod").await.len(), 3);

    n.press("2 f").type_text("pay/canary");
    n.confirm("pay/prod").await;
    n.sees("canary").await;
    assert!(n.rig.manager.deployment(&name("canary")).is_ok());

    // The oldest one goes, and the next start is from the one before it.
    n.press("3 end").sees("dispose").await;
    let files = || kept[1].location.clone().unwrap().trim_start_matches("file:").to_owned();
    assert!(std::path::Path::new(&files()).exists());
    n.press("D").confirm("pay/prod").await;
    assert_eq!(n.asked("dispose"), 1);
    n.press("2 p").confirm("pay/prod").await;
    n.sees("‖ SUSPENDED").await;
    n.press("3 home down R").confirm("pay/prod").await;
    let armed = n.rig.seen("prod").next_restore_point.unwrap();
    assert!(armed.why.contains("reset") || armed.savepoint_id.is_some(), "{armed:?}");

    // A deployment that has never run leaves the books.
    n.press("2 home").sees("canary").await;
    while n.console.model.home.deployment() != Some("pay/canary") {
        n.press("down");
    }
    n.press("D").confirm("pay/canary").await;
    n.until("it is gone", |c| !c.model.data.rows.contains_key("pay/canary")).await;
    assert!(n.rig.manager.deployment(&name("canary")).is_err());
    n.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_somebody_started_is_adopted() {
    // Everything that is done goes where the manager was found, not where it was.
    let mut n = Night::after(true).await;
    let job = n.rig.fake.add_job(JobSpec { name: "Click Stream".into(), ..JobSpec::default() });
    n.sees("Unmanaged on fake").await;
    n.press("1 end").sees("Click Stream").await;
    n.press("v").sees("nobody manages this job").await;
    n.press("a").confirm("click-stream/adopted").await;
    n.sees("adopted").await;
    n.sees("● RUNNING").await;
    assert_eq!(n.rig.fake.live_jobs(), [job], "the job goes on");
    assert!(n.rig.fake.journal().is_empty(), "nothing was asked of Flink: {:?}", n.rig.fake.journal());
    // What it began with is known to nobody.
    n.press("0 ] ]").sees("not known").await;
    n.press("2 p").confirm("click-stream/adopted").await;
    assert_eq!((n.asked("stop"), n.rig.fake.live_jobs().len()), (1, 0));
    n.end().await;
}
