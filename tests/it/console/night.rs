//! What an engineer needs at three in the morning: nothing is overlooked, nothing is done by accident, everything can be
//! read in full.

use nutkin::{
    contract::{
        plan::{PlannedStep, Submitted},
        problem::Code,
        watch::WatchMessage,
    },
    domain::{
        deployment::{Condition, ConditionStatus, ConditionType, Health},
        event::Severity,
        operation::{Kind, OpError, OpState},
        time::Timestamp,
    },
    faces::tui::{
        msg::{Effect, Msg, Reply, Request},
        overlay::Overlay,
        say::Zone,
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

/// The request of the newest open dry run.
fn asked(c: &mut Console) -> Request {
    let mut last = None;
    while let Some(Effect::DryRun(_, _, r)) = c.take(|e| matches!(e, Effect::DryRun(..))) {
        last = Some(*r);
    }
    last.unwrap_or_else(|| panic!("no dry run: {:?}\n{}", c.effects, c.screen()))
}

fn push(c: &mut Console, operation: nutkin::contract::model::Operation) {
    c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(operation) }));
}

// --- what is typed ahead ---------------------------------------------------------------------------------------------

#[test]
fn what_is_typed_ahead_confirms_nothing() {
    let mut c = ready();
    c.press("p y").shows("the plan is on its way");
    c.plan_unread(world::plan(Kind::Suspend)).hides("y suspend");
    c.press("y").shows("too soon, nothing was sent").shows("[ Cancel ]");
    c.wait(499).press("y");
    assert!(c.take(|e| matches!(e, Effect::Submit(..))).is_none());
    c.wait(1).shows("y suspend").press("y");
    assert!(c.take(|e| matches!(e, Effect::Submit(..))).is_some());
}

#[test]
fn a_frame_is_asked_for_when_a_card_may_be_confirmed() {
    let mut c = ready();
    c.press("p").plan_unread(world::plan(Kind::Suspend));
    assert!(c.take(|e| matches!(e, Effect::Wake(500, _))).is_some());
}

#[test]
fn two_presses_in_one_breath_take_no_way_out() {
    let mut c = ready();
    push(&mut c, world::waiting());
    c.settle().press("! down enter enter").shows("enter again takes this way");
    assert!(c.take(|e| matches!(e, Effect::Choose { .. })).is_none());
    c.wait(500).press("enter");
    assert!(c.take(|e| matches!(e, Effect::Choose { .. })).is_some());
}

// --- events ----------------------------------------------------------------------------------------------------------

fn with_debug() -> Console {
    let mut c = ready();
    let debug = |seq: u64| {
        world::event(
            seq,
            "06:55:58",
            Some(world::PROD),
            Severity::Debug,
            "CHECKPOINT_COMPLETED",
            &format!("#{seq} quiet"),
        )
    };
    c.send(Msg::Watch(WatchMessage::Events { events: (300..340).map(debug).collect(), skipped: 0 }));
    c
}

#[test]
fn debug_events_are_shown_only_when_they_are_asked_for() {
    let mut c = with_debug();
    c.hides("quiet").shows("SAVEPOINT_COMPLETED").shows("FOLLOWING");
    c.press("4").shows("d debug events").press("d").shows("#339 quiet").shows("debug shown");
    c.press("d").hides("quiet");
    // The tab follows the same switch.
    c.press("0 ]").settle();
    c.hides("quiet").shows("d debug events");
    c.send(Msg::Watch(WatchMessage::Events {
        events: vec![world::event(
            400,
            "06:55:59",
            Some(world::PROD),
            Severity::Debug,
            "STEP_STARTED",
            "hush",
        )],
        skipped: 0,
    }));
    c.hides("hush").press("d").shows("hush");
    c.press("?").type_text("debug").shows("Show or hide debug events");
}

fn savepoint_event() -> nutkin::contract::model::Event {
    let place = world::savepoints()[0].location.clone().unwrap();
    let text = format!("savepoint complete at {place}");
    let mut e =
        world::event(500, "06:55:59", Some(world::PROD), Severity::Info, "SAVEPOINT_COMPLETED", &text);
    e.operation_id = Some(world::operation(OpState::Running).operation_id);
    e.actor = "alice@bastion-1".into();
    e.details = serde_json::json!({ "size": 1_288_490_188u64 });
    e
}

#[test]
fn an_event_opens_in_full() {
    let mut c = ready();
    c.model.zone = Zone::Named(chrono_tz::Europe::Berlin);
    c.send(Msg::Watch(WatchMessage::Events { events: vec![savepoint_event()], skipped: 0 }));
    c.shows("complete at …/savepoint-a1b");
    push(&mut c, world::operation(OpState::Running));
    c.settle().press("4 enter");
    c.shows("Event SAVEPOINT_COMPLETED")
        .shows("2026-05-04 06:55:59.000 +00:00")
        .shows("2026-05-04 08:55:59.000 +02:00  here")
        .shows("alice@bastion-1 via")
        .shows("SUSPEND running")
        .shows("s3://bucket/savepoints/nutkin/0192-dep/00000000c812/")
        .shows("savepoint-a1b2c3-0123456789ab")
        .shows("size: 1288490188")
        .shows("y copy  enter operation  esc close");
    c.press("y");
    let Some(Effect::Copy(text)) = c.take(|e| matches!(e, Effect::Copy(_))) else { panic!() };
    assert!(text.ends_with("savepoint-a1b2c3-0123456789ab"));
    c.press("enter")
        .shows("wait until the job has ended, seen twice")
        .press("esc")
        .shows("Event SAVEPOINT")
        .press("esc");
    assert!(c.model.overlays.is_empty());
}

#[test]
fn savepoints_jobs_and_values_open_in_full() {
    let mut c = ready();
    let place = world::savepoints()[0].location.clone().unwrap();
    c.press("3").shows("enter details").press("enter").shows("Savepoint of payments-dashboard/production");
    let (folder, name) = place.split_at(place.rfind('/').unwrap() + 1);
    c.shows(folder).shows(name).shows("0192d7a0-5c1e-7a11-8f00-00000000c812").shows("before the release");
    c.press("y");
    assert_eq!(c.take(|e| matches!(e, Effect::Copy(_))), Some(Effect::Copy(place)));
    c.press("esc 0 ] ]").settle();
    c.press("enter").shows("Job of payments-dashboard/production").shows("Restored").press("esc");
    c.press("] ]").settle();
    c.press("down enter").shows("Configuration").shows("9b1c0e5f77aa01d2").shows("deployment");
}

// --- long cards ------------------------------------------------------------------------------------------------------

#[test]
fn every_long_card_is_scrolled_by_the_same_keys() {
    let mut long = world::operation(OpState::Failed);
    long.result =
        Some((0..80).map(|n| format!("line{n:02} {}", "x".repeat(60))).collect::<Vec<_>>().join(" "));
    let operation = |c: &mut Console| {
        push(c, long.clone());
        c.press("o").settle();
        c.press("enter");
    };
    let mut event = savepoint_event();
    event.message = (0..80).map(|n| format!("line{n:02}")).collect::<Vec<_>>().join("\n");
    let sheet = |c: &mut Console| {
        c.send(Msg::Watch(WatchMessage::Events { events: vec![event.clone()], skipped: 0 }));
        c.press("4 enter");
    };
    let card = |c: &mut Console| {
        let mut plan = world::plan(Kind::Suspend);
        let step = plan.steps.remove(0);
        plan.steps = (0..80).map(|n| PlannedStep { title: format!("line{n:02}"), ..step.clone() }).collect();
        (plan.checks, plan.restore_points, plan.restore_why) = (vec![], vec![], None);
        (plan.crash_loss_seconds, plan.end_loss_seconds) = (None, None);
        (plan.rewind_seconds, plan.expected_savepoint_seconds) = (None, None);
        c.press("p").plan(plan);
    };
    for open in [&operation as &dyn Fn(&mut Console), &sheet, &card] {
        let mut c = Console::new((80, 24));
        c.settle();
        open(&mut c);
        c.shows("line00").shows("more ↓ pagedown").shows("pagedown scroll");
        c.press("end").shows("line79").shows("more ↑ pageup").hides("more ↓").hides("line00");
        c.press("pageup").hides("line79").press("pagedown").shows("line79");
        c.press("home").shows("line00").hides("more ↑");
        c.press("pagedown pagedown").hides("line00").press("G").shows("line79").press("g g").shows("line00");
        c.press(&"j ".repeat(30)).hides("line00").press("k").shows("more ↑");
    }
}

#[test]
fn the_overview_is_not_scrolled_beyond_its_end() {
    let mut s = world::snapshot();
    let d = &mut s.selected.as_mut().unwrap().deployment;
    d.root_cause = Some(nutkin::contract::model::RootCause {
        message: "java.lang.IllegalStateException: too many ".repeat(20),
        task: None,
        task_manager: None,
        at: None,
    });
    let mut c = Console::with(s, "dark", (80, 24));
    c.settle().press("0").shows("more ↓").press("end").hides("more ↓").hides("State  ");
    c.press("up").shows("1 more ↓").press("home").shows("State  ");
}

// --- what goes wrong -------------------------------------------------------------------------------------------------

fn failed_upgrade() -> nutkin::contract::model::Operation {
    let mut op = world::operation(OpState::RolledBack);
    (op.kind, op.revision) = (Kind::Upgrade, Some(8));
    op.operation_id = "0192d7a1-0f0f-7abc-9000-00000000dead".into();
    (op.created_at, op.ended_at) = (world::at("06:40:00"), Some(world::at("06:44:02")));
    op.error = Some(OpError {
        code: "STEP_FAILED".into(),
        message: "AWAIT_RUNNING: the job failed: java.lang.IllegalStateException: v3 is broken".into(),
        hint: None,
    });
    op.result = Some("revision 8 did not hold; revision 7 runs again".into());
    op
}

#[test]
fn the_last_failure_and_the_failed_revision_are_marked() {
    let mut c = Console::new(SIZE);
    c.take(|e| matches!(e, Effect::LoadHistory(d) if d == world::PROD)).unwrap();
    c.reply(Reply::History(world::PROD.into(), Ok(vec![failed_upgrade()])));
    c.settle();
    c.shows("Last failure ↺ UPGRADE to revision 8 failed and was undone  12m ago").shows("v3 is broken");
    c.press("0 enter").shows("State        ↺ failed and was undone").press("esc");
    // The history above the configuration names it, too.
    let mut revisions = world::revisions();
    let mut broken = revisions[0].clone();
    (broken.number, broken.version_label) = (8, "payments@dead1".into());
    broken.failed_in = Some(failed_upgrade().operation_id);
    revisions.insert(0, broken);
    c.press("[");
    let fx = c.take(|e| matches!(e, Effect::LoadTab(..)));
    assert!(fx.is_some());
    c.reply(Reply::Tab(
        world::PROD.into(),
        nutkin::faces::tui::data::Tab::Config,
        Ok(nutkin::faces::tui::data::TabData::Config(revisions.clone())),
    ));
    c.shows("✗ 8 payments@dead1  failed, was undone").shows("● 7 payments@33de6  these values");
    // So does the list that a rollback is picked from.
    c.press("b");
    c.reply(Reply::Tab(
        world::PROD.into(),
        nutkin::faces::tui::data::Tab::Config,
        Ok(nutkin::faces::tui::data::TabData::Config(revisions)),
    ));
    c.press("ctrl-o").shows("8 payments@dead1").shows("✗ failed, was undone").press("esc esc");
    // A later success makes it history.
    let mut op = world::operation(OpState::Succeeded);
    (op.kind, op.revision, op.created_at) = (Kind::Upgrade, Some(9), world::at("06:50:00"));
    push(&mut c, op);
    c.press("]").hides("Last failure");
}

#[test]
fn an_undone_rollback_cannot_be_misread() {
    let mut c = ready();
    let mut op = world::operation(OpState::Running);
    op.kind = Kind::Rollback;
    push(&mut c, op.clone());
    op.state = OpState::RolledBack;
    push(&mut c, op);
    c.shows("ROLLBACK of payments-dashboard/production failed and was undone: what ran before runs again");
    c.hides("rolled back");
}

#[test]
fn drift_is_said_once_and_without_an_age_that_nobody_knows() {
    let mut s = world::snapshot();
    let d = &mut s.selected.as_mut().unwrap().deployment;
    let summary = "revision 7 differs from the spec in parallelism";
    d.drift = Some(nutkin::contract::model::Drift { summary: summary.into(), differences: vec![] });
    d.conditions = vec![Condition {
        kind: ConditionType::Drifted,
        status: ConditionStatus::True,
        since: world::at("03:42:50"),
        reason: summary.into(),
    }];
    let mut c = Console::with(s, "dark", SIZE);
    c.settle();
    c.shows(&format!("! Drifted: {summary}"));
    assert_eq!(c.screen().matches("differs from").count(), 1);
}

// --- what waits for a person -----------------------------------------------------------------------------------------

/// Production's operation waits; the console was started after that.
fn attention(size: (u16, u16), theme: &str) -> Console {
    let mut s = world::snapshot();
    (s.totals.needs_attention, s.rows[0].health, s.rows[0].needs_attention) = (1, Health::Failing, true);
    s.rows[0].operation = Some("SUSPEND 2/3".into());
    let selected = s.selected.as_mut().unwrap();
    selected.operation = Some(world::waiting());
    let mut c = Console::with(s, theme, size);
    c.settle();
    c
}

#[test]
fn what_waits_for_a_person_is_everywhere() {
    for (w, h) in [(80, 24), (120, 36), (60, 15)] {
        let mut c = attention((w, h), "dark");
        c.shows("▲ 1").shows("! needs you");
        insta::assert_snapshot!(format!("attention_{w}x{h}"), c.styled());
        c.press("2").shows("▲ NEEDS YOU");
        c.press("0").shows("▲ SUSPEND NEEDS YOU, ! opens it");
        for _ in 0..4 {
            c.press("]").settle();
            c.shows("▲ SUSPEND NEEDS YOU");
        }
        // From anywhere, one key leads to the card.
        c.press("4 ! ").shows("What now?").shows("Evidence");
    }
    let mut c = attention(SIZE, "mono");
    insta::assert_snapshot!("attention_mono_120x36", c.styled());
    c.press("!");
    for choice in world::waiting().choices {
        c.shows(&choice.title).shows(&choice.effect);
    }
    c.shows("asks for the location");
}

#[test]
fn one_key_leads_to_what_waits_elsewhere() {
    let mut s = world::snapshot();
    (s.totals.needs_attention, s.rows[2].needs_attention) = (1, true);
    let mut c = Console::with(s, "dark", SIZE);
    c.settle().press("!");
    assert_eq!(c.model.home.deployment(), Some("fraud-detection/live"));
    c.take(|e| matches!(e, Effect::LoadOperations)).unwrap();
    let mut op = world::waiting();
    op.deployment = "fraud-detection/live".into();
    c.reply(Reply::Operations(Ok(vec![op])));
    c.shows("NEEDS YOU  SUSPEND fraud-detection/live").shows("What now?");
    let mut c = ready();
    c.press("!").shows("nothing waits for a person").hides("! needs you");
}

#[test]
fn an_application_follows_its_rows() {
    let mut c = ready();
    let title = "Payments Dashboard (Europe)";
    let line = |c: &Console| c.screen().lines().find(|l| l.contains(title)).unwrap().to_owned();
    assert!(line(&c).contains('◐'));
    let mut rows = world::snapshot().rows;
    let change = |c: &mut Console, row: &nutkin::contract::watch::Row| {
        c.send(Msg::Watch(WatchMessage::Deployment { row: row.clone(), detail: None }));
    };
    rows[1].health = Health::Healthy;
    change(&mut c, &rows[1]);
    assert!(line(&c).contains('●'), "{}", line(&c));
    rows[0].health = Health::Failing;
    change(&mut c, &rows[0]);
    assert!(line(&c).contains('✗'), "{}", line(&c));
    (rows[0].needs_attention, rows[0].operation) = (true, Some("SUSPEND 2/3".into()));
    change(&mut c, &rows[0]);
    assert!(line(&c).contains('▲'), "{}", line(&c));
    c.send(Msg::Watch(WatchMessage::DeploymentGone { deployment: world::PROD.into() }));
    assert!(line(&c).contains('●'), "{}", line(&c));
}

// --- a lost manager --------------------------------------------------------------------------------------------------

#[test]
fn an_operation_card_says_when_nobody_can_look_and_catches_up() {
    let mut c = ready();
    push(&mut c, world::operation(OpState::Running));
    c.press("2 enter").settle();
    c.shows("◐ running");
    c.send(Msg::Lost { problem: problem(Code::ManagerUnreachable, "gone"), retry_at: world::now() });
    c.send(Msg::Tick(Timestamp::from_millis(world::now().millis() + 7_000)));
    c.shows("stale 7s, it may have gone on since");
    // The manager is back, the operation has ended, and the window does not name it any more.
    c.effects.clear();
    c.send(Msg::Snapshot(Box::new(world::snapshot())));
    c.hides("stale");
    let Some(Effect::LoadOperation(id)) = c.take(|e| matches!(e, Effect::LoadOperation(_))) else { panic!() };
    let mut op = world::operation(OpState::Succeeded);
    op.ended_at = Some(world::at("06:56:01"));
    c.reply(Reply::Operation(id, Ok(Box::new(op))));
    c.shows("✓ succeeded  11s");
}

// --- fields ----------------------------------------------------------------------------------------------------------

#[test]
fn the_footer_offers_only_what_the_keys_do() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.shows("y confirm").shows("c copy as CLI").shows("? help");
    // In a text field letters are letters.
    c.press("shift-tab")
        .hides("y confirm")
        .hides("c copy as CLI")
        .hides("? help")
        .shows("f1 help")
        .hides("y suspend");
    c.type_text("?yc").shows("?yc").press("tab").shows("y confirm").shows("c copy as CLI").press("esc");
    // A name that must be typed leaves no room for a y.
    c.press("x").plan(world::plan(Kind::Cancel));
    c.hides("y confirm").press("esc");
    c.press("u").settle();
    c.shows("ctrl-o choose").shows("f1 help").hides("? help").press("tab").hides("ctrl-o choose");
    c.press("esc 2 /").shows("enter keep  esc clear").hides("s start").hides("? help");
    c.type_text("?").press("enter").shows("2 hidden by the filter").press("esc");
    c.press("v").plan(world::plan(Kind::Savepoint));
    c.shows("y confirm").press("y").shows("sent, waiting").hides("y confirm");
}

#[test]
fn a_fork_picks_its_savepoint_from_a_list() {
    let mut c = ready();
    c.press("f").type_text("payments-dashboard/canary").rest();
    let Request::Fork(_, body) = asked(&mut c) else { panic!() };
    assert_eq!(body.from.as_deref(), Some("new"));
    c.press("ctrl-o").shows("Choose From  1 of 7").press("esc").shows("enter lists").press("enter");
    c.shows("Choose From  1 of 7")
        .shows("a new savepoint; the job goes on")
        .shows("nothing: begin empty")
        .shows("06:41 request  1.2 GiB  …0000c812  before the release")
        .shows("another place, which you type")
        .hides("04:02 request")
        .shows("enter take  esc back");
    c.press("down down down enter").rest();
    let Request::Fork(_, body) = asked(&mut c) else { panic!() };
    assert!(body.from.unwrap().ends_with("c812"));
    c.shows("‹ 06:41 request");
    // Left and right turn it; another place is typed.
    c.press("left").rest();
    let Request::Fork(_, body) = asked(&mut c) else { panic!() };
    assert_eq!(body.from.as_deref(), Some("none"));
    c.press("enter end enter").shows("From: type a savepoint's id or place");
    c.type_text("s3://elsewhere/sp").rest();
    let Request::Fork(_, body) = asked(&mut c) else { panic!() };
    assert_eq!(body.from.as_deref(), Some("s3://elsewhere/sp"));
    c.press("ctrl-o home enter").rest();
    let Request::Fork(_, body) = asked(&mut c) else { panic!() };
    assert_eq!(body.from.as_deref(), Some("new"));
}

#[test]
fn a_rollback_picks_its_revision_and_may_drop_state() {
    let mut c = ready();
    c.press("b");
    let Some(Effect::LoadTab(name, tab)) = c.take(|e| matches!(e, Effect::LoadTab(..))) else { panic!() };
    c.shows("‹ the previous one ›");
    let mut revisions = world::revisions();
    for n in [6, 5] {
        let mut r = revisions[0].clone();
        (r.number, r.version_label) = (n, format!("payments@r{n}"));
        revisions.push(r);
    }
    c.reply(Reply::Tab(name, tab, Ok(nutkin::faces::tui::data::TabData::Config(revisions))));
    c.shows("‹ the previous one: 6 payments@r6 ›");
    asked(&mut c);
    c.press("ctrl-o").shows("5 payments@r5  03:42 by alice@bastion-1").hides("7 payments@33de6  03");
    c.press("end enter").rest();
    let Request::Rollback(_, body) = asked(&mut c) else { panic!() };
    assert_eq!((body.revision, body.allow_non_restored_state), (Some(5), false));
    c.press("tab tab space").shows("[x] that no operator of the revision takes").rest();
    let Request::Rollback(_, body) = asked(&mut c) else { panic!() };
    assert_eq!((body.revision, body.allow_non_restored_state), (Some(5), true));
}

#[test]
fn the_upgrade_form_may_drop_state() {
    let mut c = ready();
    c.press("u").settle();
    c.press("tab tab tab tab tab tab tab space").shows("[x] that no operator").rest();
    let Request::Upgrade(_, body) = asked(&mut c) else { panic!() };
    assert!(body.allow_non_restored_state);
}

#[test]
fn a_card_stays_open_for_its_operation_only_once() {
    // Whoever looks at a card when its operation starts to wait sees the choices there, not in a second card.
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("y");
    let Some(Effect::Submit(ask, ..)) = c.take(|e| matches!(e, Effect::Submit(..))) else { panic!() };
    let op = Box::new(world::operation(OpState::Running));
    c.reply(Reply::Submitted(ask, Ok(Submitted::Operation(op))));
    push(&mut c, world::waiting());
    c.shows("What now?");
    assert!(matches!(c.model.overlays[..], [Overlay::Operation(_)]));
}
