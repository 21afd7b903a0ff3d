//! Key flows through the whole model: keys in, effects out, replies in, screen out.

use nutkin::{
    contract::{
        plan::Submitted,
        problem::{Code, Problem},
        watch::WatchMessage,
    },
    domain::{
        operation::{Kind, OpState, StepState},
        time::Timestamp,
    },
    faces::tui::{
        data::{Tab, TabData},
        msg::{Effect, Msg, Reply, Request},
        overlay::Overlay,
    },
};

use super::{
    support::{Console, problem},
    world,
};

const SIZE: (u16, u16) = (120, 36);

fn ready() -> Console {
    let mut c = Console::new(SIZE);
    c.settle();
    c
}

/// The act that was sent, with its key.
fn submitted(c: &mut Console) -> (u64, Request, String) {
    match c.take(|e| matches!(e, Effect::Submit(..))) {
        Some(Effect::Submit(ask, request, key)) => (ask, *request, key),
        _ => panic!("nothing was sent: {:?}\n{}", c.effects, c.screen()),
    }
}

fn accept(c: &mut Console, ask: u64) {
    c.reply(Reply::Submitted(ask, Ok(Submitted::Operation(Box::new(world::operation(OpState::Running))))));
}

#[test]
fn suspend_by_key_card_y_and_progress() {
    let mut c = ready();
    c.press("p");
    c.shows("◌ asking the manager what this would do");
    c.plan(world::plan(Kind::Suspend));
    c.shows("stop with a CANONICAL savepoint").shows("[ Cancel ]").shows("lost on failover now 9s");
    c.press("y");
    let (ask, request, _) = submitted(&mut c);
    let Request::Suspend(name, body) = request else { panic!() };
    assert_eq!(name, world::PROD);
    assert_eq!(body.meta.expect.as_deref(), Some("d1"));
    assert!(body.meta.yes && body.meta.confirm.is_none() && body.meta.reason.is_none());
    c.shows("sent, waiting for the manager");
    // A second y while it is on its way does nothing.
    c.press("y");
    assert!(c.effects.is_empty());
    accept(&mut c, ask);
    c.shows("SUSPEND payments-dashboard/production")
        .shows("◐  2 wait until the job has ended, seen twice")
        .shows("11s");

    // Steps go on; the card follows.
    let mut op = world::operation(OpState::Running);
    op.steps[1].state = StepState::Confirmed;
    op.steps[1].ended_at = Some(world::at("06:56:01"));
    op.steps[2].state = StepState::Intent;
    c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(op.clone()) }));
    c.shows("✓  2 wait until the job has ended, seen twice").shows("◐  3 record the result");
    // The card may be left; the row shows the step.
    c.press("esc");
    let mut row = world::snapshot().rows.remove(0);
    (row.operation, row.operation_started_at) = (Some("SUSPEND 3/3".into()), Some(world::at("06:55:50")));
    c.send(Msg::Watch(WatchMessage::Deployment { row, detail: None }));
    c.shows("◐ SUSPENDING 3/3 12s");
    c.send(Msg::Tick(Timestamp::from_millis(world::now().millis() + 3000)));
    c.shows("◐ SUSPENDING 3/3 15s");
    op.state = OpState::Succeeded;
    op.result = Some("suspended with savepoint …".into());
    c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(op) }));
    c.shows("✓ SUSPEND of payments-dashboard/production succeeded");
    c.send(Msg::Tick(Timestamp::from_millis(world::now().millis() + 60_000)));
    c.hides("✓ SUSPEND of");
}

#[test]
fn enter_on_a_fresh_card_does_nothing() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("enter");
    assert!(c.model.overlays.is_empty() && c.effects.is_empty(), "Cancel has the focus");
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("right enter");
    submitted(&mut c);
}

#[test]
fn a_reason_is_typed_and_letters_are_letters() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    // Cancel has the focus; the reason is just before it.
    c.press("shift-tab");
    c.type_text("yes, q");
    c.shows("yes, q");
    assert!(c.effects.is_empty());
    c.press("tab y");
    let (_, request, _) = submitted(&mut c);
    let Request::Suspend(_, body) = request else { panic!() };
    assert_eq!(body.meta.reason.as_deref(), Some("yes, q"));
}

#[test]
fn what_destroys_asks_for_the_name() {
    let mut c = ready();
    c.press("x").plan(world::plan(Kind::Cancel));
    c.shows("Cannot be undone").shows("type payments-dashboard/production to confirm");
    c.press("y");
    assert!(c.take(|e| matches!(e, Effect::Submit(..))).is_none(), "y is not enough");
    c.type_text("payments-dashboard/productio").press("enter");
    c.press("tab enter");
    assert!(c.take(|e| matches!(e, Effect::Submit(..))).is_none(), "nor is half a name");
    c.press("shift-tab shift-tab").type_text("n").press("enter").press("right enter");
    let (_, request, _) = submitted(&mut c);
    let Request::Cancel(_, body) = request else { panic!() };
    assert_eq!(body.meta.confirm.as_deref(), Some(world::PROD));
}

#[test]
fn a_changed_plan_is_read_again() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("y");
    let (ask, _, first) = submitted(&mut c);
    let mut plan = world::plan(Kind::Suspend);
    (plan.plan_digest, plan.steps[0].title) = ("d2".into(), "stop job ffff0000 with a savepoint".into());
    let changed = Problem::new(Code::PlanChanged, "the job was restarted meanwhile").plan(plan);
    c.reply(Reply::Submitted(ask, Err(Box::new(changed))));
    c.shows("The plan changed while you were reading").shows("ffff0000").shows("[ Cancel ]");
    insta::assert_snapshot!("card_plan_changed_120x36", c.screen());
    c.press("y").shows("too soon, nothing was sent");
    c.wait(500).press("y");
    let (_, request, second) = submitted(&mut c);
    let Request::Suspend(_, body) = request else { panic!() };
    assert_eq!(body.meta.expect.as_deref(), Some("d2"));
    assert_ne!(first, second, "another confirmed act, another key");
}

#[test]
fn a_lost_answer_is_asked_again_under_the_same_key() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("y");
    let (ask, first, key) = submitted(&mut c);
    c.reply(Reply::Submitted(ask, Err(problem(Code::ManagerUnreachable, "no answer"))));
    c.shows("asking again what became of it").shows("it happens once at most");
    c.rest();
    let (ask, again, same) = submitted(&mut c);
    assert_eq!((first, key), (again, same));
    accept(&mut c, ask);
    c.shows("wait until the job has ended, seen twice");
}

#[test]
fn a_refusal_is_shown_and_the_card_stays() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("y");
    let (ask, ..) = submitted(&mut c);
    c.reply(Reply::Submitted(
        ask,
        Err(problem(Code::OperationActive, "an UPGRADE by bob is at work; nothing was changed")),
    ));
    c.shows("✗ an UPGRADE by bob is at work; nothing was changed").shows("→ try something else");
    c.press("esc").hides("an UPGRADE by bob");
}

#[test]
fn an_answer_to_an_older_question_is_dropped() {
    let mut c = ready();
    c.press("v");
    let Some(Effect::DryRun(ask, first, _)) = c.take(|e| matches!(e, Effect::DryRun(..))) else { panic!() };
    // Cancel has the focus; three steps on is the label again.
    c.press("tab tab").type_text("x").rest();
    let Some(Effect::DryRun(_, second, _)) = c.take(|e| matches!(e, Effect::DryRun(..))) else { panic!() };
    assert!(second > first);
    let mut old = world::plan(Kind::Savepoint);
    old.command = "the old one".into();
    c.reply(Reply::Plan(ask, first, Ok(Box::new(old))));
    c.hides("the old one");
    c.reply(Reply::Plan(ask, second, Ok(Box::new(world::plan(Kind::Savepoint)))));
    c.shows("nutkin savepoint");
    // Nobody listens after the card is closed.
    c.press("esc esc");
    c.reply(Reply::Plan(ask, second, Ok(Box::new(world::plan(Kind::Savepoint)))));
}

/// A list that is asked for before it has arrived opens when it does; one that cannot be had says so.
#[test]
fn a_list_of_jars_asked_for_too_early_opens_later() {
    let mut c = ready();
    c.press("2 u ctrl-o").shows("the list of jars opens when it has arrived").hides("nothing to choose");
    c.settle().shows("payments-2.0.jar");

    let mut c = ready();
    c.press("2 u");
    c.reply(Reply::Artifacts(Err(problem(Code::Internal, "nobody answers"))));
    c.press("ctrl-o").shows("the jars cannot be listed: nobody answers");
}

#[test]
fn the_upgrade_form_sends_only_what_changed() {
    let mut c = ready();
    c.press("u");
    c.shows("loading what runs now");
    c.settle();
    c.shows("io.example.Payments").shows("--rate 500").shows("state.backend.type: rocksdb");
    // The jar from the list, a label, another parallelism, one more line of configuration.
    c.press("ctrl-o").shows("payments-2.0.jar").press("enter");
    c.shows("c0ffee001234  payments-2.0.jar").type_text("c0ffe");
    c.press("tab tab tab backspace").type_text("8");
    c.press("tab tab tab tab end").press("enter").type_text("state.backend.incremental: true");
    c.rest();
    let asked: Vec<_> = c.effects.iter().filter(|e| matches!(e, Effect::DryRun(..))).cloned().collect();
    let Some(Effect::DryRun(ask, question, request)) = asked.last().cloned() else {
        panic!("{:?}", c.effects)
    };
    c.effects.clear();
    let Request::Upgrade(name, body) = *request else { panic!() };
    assert_eq!(name, world::PROD);
    assert!(body.artifact.as_deref().unwrap().starts_with("c0ffee00"));
    assert_eq!(body.version_label.as_deref(), Some("c0ffe"));
    assert_eq!((body.entry_class.clone(), body.args.clone(), body.parallelism), (None, None, Some(8)));
    let conf: Vec<_> = body.flink_configuration.clone().into_iter().collect();
    assert_eq!(conf, [("state.backend.incremental".to_owned(), Some("true".to_owned()))]);
    c.reply(Reply::Plan(ask, question, Ok(Box::new(world::plan(Kind::Upgrade)))));
    c.shows("- 9b1c0e5f77aa01d2").shows("+ c0ffee0012345678");
    // Then the rehearsal card, and off it goes; the form is gone with it.
    c.press("ctrl-s").plan(world::plan(Kind::Upgrade));
    c.press("pagedown").shows("probation: 1 checkpoint within 5m").press("y");
    let (ask, request, _) = submitted(&mut c);
    assert!(matches!(request, Request::Upgrade(_, b) if b.parallelism == Some(8) && b.meta.yes));
    accept(&mut c, ask);
    assert_eq!(c.model.overlays.len(), 1);
    assert!(matches!(c.model.overlays[0], Overlay::Operation(_)));
}

#[test]
fn a_path_in_the_form_is_uploaded() {
    let mut c = ready();
    c.press("u").settle();
    c.type_text("./target/payments-3.jar").press("enter");
    let Some(Effect::Upload(ask, path)) = c.take(|e| matches!(e, Effect::Upload(..))) else { panic!() };
    assert_eq!(path, "./target/payments-3.jar");
    c.reply(Reply::Uploading(ask, 1_048_576, 4_194_304));
    c.shows("uploading 1.0 MiB of 4.0 MiB (25 %)");
    c.reply(Reply::Uploaded(ask, Err(problem(Code::BadArtifact, "not a jar: it has no central directory"))));
    c.shows("! not a jar");
    c.press("enter");
    c.effects.clear();
    let mut artifact = world::artifacts().remove(0);
    artifact.sha256 = "abcdef01".repeat(8);
    c.reply(Reply::Uploaded(ask, Ok(Box::new(artifact))));
    c.shows("abcdef01abcd");
    c.rest();
    assert!(c.take(|e| matches!(e, Effect::DryRun(..))).is_some(), "the difference is asked for");
}

#[test]
fn a_waiting_operation_is_resolved_in_two_steps() {
    let mut c = ready();
    c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(world::waiting()) }));
    c.shows("needs you");
    c.press("2 enter").settle();
    c.shows("What now?").shows("The savepoint is at …").shows("Nothing else was changed.");
    // The first choice needs a place.
    c.press("enter").shows("enter again takes this way").wait(500).press("enter");
    assert!(c.effects.is_empty(), "without the place nothing is sent");
    c.type_text("s3://bucket/x").press("enter");
    let Some(Effect::Choose { body, .. }) = c.take(|e| matches!(e, Effect::Choose { .. })) else { panic!() };
    assert_eq!((body.choice.as_str(), body.location.as_deref()), ("savepoint-at", Some("s3://bucket/x")));
    let id = world::waiting().operation_id;
    c.reply(Reply::Chosen(
        id,
        Err(problem(Code::WrongState, "there is no _metadata under it; nothing was changed")),
    ));
    c.shows("✗ there is no _metadata under it");
    c.press("down enter");
    c.shows("enter again").press("esc").hides("enter again");
    assert!(c.effects.is_empty());
}

#[test]
fn an_operation_started_here_opens_its_card_when_it_waits() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("y");
    let (ask, ..) = submitted(&mut c);
    accept(&mut c, ask);
    c.press("esc");
    c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(world::waiting()) }));
    c.shows("What now?");
}

#[test]
fn forking_from_a_savepoint_and_adopting() {
    let mut c = ready();
    c.press("3 down f");
    assert!(c.effects.is_empty(), "a fork without a name asks nobody");
    c.type_text("payments-dashboard/canary").rest();
    let Some(Effect::DryRun(_, _, request)) = c.take(|e| matches!(e, Effect::DryRun(..))) else { panic!() };
    let Request::Fork(from, body) = *request else { panic!() };
    assert_eq!(from, world::PROD);
    assert!(body.from.as_deref().unwrap().ends_with("c790"), "the selected savepoint");

    let mut c = ready();
    c.press("down down a");
    let Some(Effect::DryRun(_, _, request)) = c.take(|e| matches!(e, Effect::DryRun(..))) else {
        panic!("{:?}", c.effects)
    };
    let Request::Adopt(target, job, body) = *request else { panic!() };
    assert_eq!((target.as_str(), job.len()), ("eu-west-1", 32));
    assert_eq!(body.deployment, "click-stream-enrichment/adopted");
}

#[test]
fn the_selection_goes_with_an_adopted_job() {
    let mut c = ready();
    c.press("down down a").plan(world::plan(Kind::Adopt));
    c.press("y");
    let (ask, ..) = submitted(&mut c);
    let mut op = world::operation(OpState::Running);
    (op.kind, op.deployment) = (Kind::Adopt, "payments-dashboard/taken".into());
    c.reply(Reply::Submitted(ask, Ok(Submitted::Operation(Box::new(op)))));
    c.press("esc");
    let mut row = world::snapshot().rows.remove(0);
    row.deployment = "payments-dashboard/taken".into();
    c.send(Msg::Watch(WatchMessage::Deployment { row, detail: None }));
    assert_eq!(c.model.home.deployment(), Some("payments-dashboard/taken"));
    c.press("2 up");
    let other = c.model.home.deployment().map(str::to_owned);
    c.send(Msg::Tick(world::now()));
    assert_eq!(c.model.home.deployment(), other.as_deref(), "once, and then it is the person's again");
}

#[test]
fn the_first_upgrade_of_an_adopted_job_sends_all_that_the_form_shows() {
    let mut c = ready();
    let mut revisions = world::revisions();
    for r in &mut revisions {
        r.spec["artifact"].as_object_mut().unwrap().remove("sha256");
    }
    c.press("u");
    c.reply(Reply::Tab(world::PROD.into(), Tab::Config, Ok(TabData::Config(revisions))));
    c.settle().press("ctrl-o enter").type_text("own").rest();
    let asked: Vec<_> = c.effects.iter().filter(|e| matches!(e, Effect::DryRun(..))).cloned().collect();
    let Some(Effect::DryRun(_, _, request)) = asked.last().cloned() else { panic!("{:?}", c.effects) };
    let Request::Upgrade(_, body) = *request else { panic!() };
    assert_eq!(body.parallelism, Some(4));
    assert_eq!(body.entry_class.as_deref(), Some("io.example.Payments"));
    assert_eq!(body.args, Some(vec!["--rate".to_owned(), "500".to_owned()]));
}

#[test]
fn savepoints_are_reset_to_pinned_and_disposed() {
    let mut c = ready();
    c.press("3 R");
    let Some(Effect::DryRun(_, _, request)) = c.take(|e| matches!(e, Effect::DryRun(..))) else { panic!() };
    assert!(matches!(*request, Request::Reset(_, b) if b.savepoint.ends_with("c812")));
    c.press("esc P");
    let Some(Effect::Patch { body, .. }) = c.take(|e| matches!(e, Effect::Patch { .. })) else { panic!() };
    assert_eq!(body.pinned, Some(true));
    c.press("down down down D");
    c.shows("dispose: it is pinned; unpin it first");
    c.press("up R");
    c.shows("reset to savepoint: this savepoint is FAILED");
}

#[test]
fn verbs_that_lead_nowhere_say_why() {
    let mut c = ready();
    c.press("s").shows("start: it already runs");
    c.press("2 down u").shows("upgrade: UPGRADE 3/6 is at work");
    c.press("1 a").shows("adopt: select a job under * Unmanaged on …");
    let mut s = world::snapshot();
    s.read_only = true;
    let mut c = Console::with(s, "dark", SIZE);
    c.settle().press("p").shows("suspend: this console is read-only").shows("read-only");
    c.press("?").type_text("suspend").shows("not now: this console is read-only");
}

#[test]
fn help_is_searched_and_runs() {
    let mut c = ready();
    c.press("?").type_text("roll").shows("Run an earlier revision again.").hides("Take a savepoint");
    c.press("enter");
    assert!(c.take(|e| matches!(e, Effect::DryRun(_, _, r) if r.kind() == Kind::Rollback)).is_some());
    c.press("esc ?").type_text("zzzz").shows("hidden by the filter");
    c.press("esc").hides("Commands");
}

#[test]
fn selecting_drives_everything_and_says_what_is_looked_at() {
    let mut c = Console::new(SIZE);
    let interest: Vec<_> = c
        .effects
        .iter()
        .filter_map(|e| if let Effect::SetInterest(i) = e { Some(i.deployments.clone()) } else { None })
        .collect();
    assert_eq!(interest, [vec![world::PROD.to_owned()]]);
    assert!(!c.effects.iter().any(|e| matches!(e, Effect::LoadDetail(_))), "the window brought it");
    c.settle().press("2 down");
    assert_eq!(
        c.effects.iter().filter(|e| matches!(e, Effect::LoadDetail(n) if n == world::STAGING)).count(),
        1
    );
    c.settle().press("]").shows("[Event log]");
    assert!(
        matches!(c.take(|e| matches!(e, Effect::LoadTab(..))), Some(Effect::LoadTab(n, Tab::Events)) if n == world::STAGING)
    );
    // The stream is new: what is looked at is said again.
    c.effects.clear();
    c.send(Msg::Watch(WatchMessage::Hello { watch_id: "w2".into(), at: "e1.9".into() }));
    assert!(matches!(&c.effects[..], [Effect::SetInterest(i)] if i.deployments == [world::STAGING]));
}

#[test]
fn the_tail_follows_pauses_and_resumes() {
    let mut c = Console::new((120, 24));
    c.settle();
    let push = |c: &mut Console, seq: u64| {
        let mut e = world::events().remove(5);
        (e.seq, e.message) = (seq, format!("#{seq} done"));
        c.send(Msg::Watch(WatchMessage::Events { events: vec![e], skipped: 0 }));
    };
    for seq in 200..220 {
        push(&mut c, seq);
    }
    c.shows("FOLLOWING").shows("#219 done");
    c.press("4 up").shows("PAUSED");
    let before = c.screen();
    for seq in 220..230 {
        push(&mut c, seq);
    }
    c.shows("PAUSED +10 new").hides("#229");
    let rows = |s: &str| s.lines().filter(|l| l.contains(" done")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&before), rows(&c.screen()), "while paused nothing moves");
    c.press("G").shows("FOLLOWING").shows("#229 done");
}

#[test]
fn an_operation_that_ended_while_nobody_listened_is_asked_for() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("y");
    let (ask, ..) = submitted(&mut c);
    accept(&mut c, ask);
    c.send(Msg::Lost { problem: problem(Code::ManagerUnreachable, "gone"), retry_at: world::now() });
    c.shows("manager lost").shows("◐ running");
    c.send(Msg::Snapshot(Box::new(world::snapshot())));
    let Some(Effect::LoadOperation(id)) = c.take(|e| matches!(e, Effect::LoadOperation(_))) else { panic!() };
    let mut op = world::operation(OpState::Succeeded);
    op.ended_at = Some(world::at("06:56:01"));
    c.reply(Reply::Operation(id, Ok(Box::new(op))));
    c.shows("✓ succeeded");
}

#[test]
fn esc_never_quits_and_quitting_says_what_goes_on() {
    let mut c = ready();
    c.press("4 z / x esc esc esc esc esc esc");
    assert!(!c.effects.contains(&Effect::Quit));
    c.press("q").shows("Quitting stops nothing").shows("UPGRADE 3/6 of payments-dashboard/staging goes on");
    c.press("esc").hides("Quitting stops nothing").press("q y");
    assert!(c.effects.contains(&Effect::Quit));
    let mut s = world::snapshot();
    s.rows.iter_mut().for_each(|r| r.operation = None);
    let mut c = Console::with(s, "dark", SIZE);
    c.settle().press("q");
    assert_eq!(c.effects, [Effect::Quit], "nothing is at work: no question");
}

#[test]
fn a_chord_shows_how_it_can_go_on() {
    let mut c = ready();
    c.press("2 down g").shows("g …   g first");
    c.press("g").hides("g …");
    assert_eq!(c.model.home.deployment(), Some(world::PROD));
    c.press("g x").hides("g …");
    assert!(c.model.overlays.is_empty(), "a broken chord does nothing");
}
