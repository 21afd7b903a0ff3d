//! Nothing is guessed: what is old, partial, refused, or known by nobody says so.

use nutkin::{
    contract::{
        model::{Job, OverriddenValue},
        problem::Code,
        watch::WatchMessage,
    },
    domain::{
        deployment::{Health, Observed},
        operation::{Kind, OpState},
        time::Timestamp,
    },
    faces::tui::{
        data::{Tab, TabData},
        keymap::Keymap,
        msg::{Effect, Msg, Reply},
        overlay::Overlay,
        theme::Role,
    },
};
use ratatui::layout::Position;
use rstest::rstest;

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

fn read_only() -> Console {
    let mut s = world::snapshot();
    s.read_only = true;
    let mut c = Console::with(s, "dark", SIZE);
    c.settle();
    c
}

/// The foreground role with which some words are drawn.
fn role(c: &Console, words: &str) -> Role {
    let screen = c.screen();
    let (y, line) =
        screen.lines().enumerate().find(|(_, l)| l.contains(words)).unwrap_or_else(|| panic!("{screen}"));
    let x = line[..line.find(words).unwrap()].chars().count();
    let cell = c.buffer()[Position::new(u16::try_from(x).unwrap(), u16::try_from(y).unwrap())].clone();
    *Role::ALL.iter().find(|r| c.model.theme.style(**r).fg == Some(cell.fg)).unwrap()
}

fn seconds(s: i64) -> Timestamp {
    Timestamp::from_millis(world::now().millis() + s * 1000)
}

// --- restore points that nobody has seen -----------------------------------------------------------------------------

#[test]
fn a_restore_point_that_nobody_has_seen_says_so() {
    let mut s = world::snapshot();
    let point = s.selected.as_mut().unwrap().deployment.next_restore_point.as_mut().unwrap();
    point.verified = None;
    let mut c = Console::with(s.clone(), "dark", SIZE);
    c.settle().shows("files were not looked at");
    assert_eq!(role(&c, "were not looked"), Role::Muted);
    s.selected.as_mut().unwrap().deployment.next_restore_point.as_mut().unwrap().verified = Some(true);
    Console::with(s, "dark", SIZE).settle().hides("were not looked");

    // A card says it loudly where nothing else is left of the state.
    for (key, kind, loud) in [("p", Kind::Suspend, Role::Muted), ("x", Kind::Cancel, Role::Warn)] {
        for verified in [None, Some(false), Some(true)] {
            let mut c = Console::with(world::snapshot(), "dark", (120, 50));
            c.settle().press(key);
            let mut plan = world::plan(kind);
            plan.restore_points[0].verified = verified;
            c.plan(plan);
            if verified == Some(true) {
                assert!(!c.screen().contains("its files were not looked at:"), "{}", c.screen());
                continue;
            }
            assert_eq!(
                role(&c, if loud == Role::Warn { "! its files" } else { "its files" }),
                loud,
                "{kind}"
            );
        }
    }
}

// --- a terminal in which nothing can be read -------------------------------------------------------------------------

#[test]
fn no_key_acts_on_a_screen_that_cannot_be_read() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("right");
    c.effects.clear();
    c.send(Msg::Resize(39, 9));
    c.press("enter y tab down up space esc ctrl-s f10 o ?");
    c.send(Msg::Paste("yes".into()));
    assert_eq!(c.effects, [], "nothing is confirmed");
    assert!(matches!(c.model.overlays[..], [Overlay::Card(_)]), "and the card is still there");
    c.send(Msg::Resize(120, 36));
    c.shows("[ Suspend ]").hides("yes");
}

#[rstest]
#[case("q", Some(Effect::Quit))]
#[case("ctrl-c", Some(Effect::Quit))]
#[case("ctrl-z", Some(Effect::Sleep))]
#[case("enter", None)]
fn leaving_is_always_possible(#[case] key: &str, #[case] effect: Option<Effect>) {
    let mut c = ready();
    c.effects.clear();
    c.send(Msg::Resize(30, 8));
    c.press(key);
    assert_eq!(c.effects, Vec::from_iter(effect));
    c.shows("too small").shows("q");
}

#[test]
fn a_letter_that_belongs_to_a_field_does_not_leave_a_terminal_that_shrinks() {
    let mut c = ready();
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("shift-tab").send(Msg::Resize(30, 8));
    c.type_text("quick");
    assert_eq!(c.effects, []);
    c.press("ctrl-c");
    assert_eq!(c.effects, [Effect::Quit], "even where the keymap gives it to the field");
    let mut c = ready();
    c.model.keymap.apply("mine", "[global]\nquit = [\"Q\"]\nsleep = []\n");
    c.effects.clear();
    c.send(Msg::Resize(30, 8));
    c.press("q ctrl-z ctrl-c Q");
    assert_eq!(c.effects, [Effect::Sleep, Effect::Quit, Effect::Quit]);
}

// --- people who may only look ----------------------------------------------------------------------------------------

#[test]
fn a_console_that_is_read_only_says_so_before_anything_is_filled_in() {
    let mut c = read_only();
    c.shows("read-only").press("p").shows("suspend: this console is read-only");
    assert!(c.model.overlays.is_empty());
    let mut s = world::snapshot();
    s.read_only = true;
    let mut narrow = Console::with(s.clone(), "dark", (60, 20));
    assert!(narrow.settle().screen().lines().next().unwrap().contains("ro"), "{}", narrow.screen());
    // It became read-only while a card was open.
    let mut c = ready();
    c.press("p").send(Msg::Snapshot(Box::new(s.clone())));
    c.shows("this console is read-only");
    c.plan(world::plan(Kind::Suspend)).shows("this console is read-only").hides("y confirm");
    c.press("y right enter");
    assert!(c.take(|e| matches!(e, Effect::Submit(..))).is_none());
    // And so are the ways out of a waiting operation.
    let mut c = Console::with(s, "dark", SIZE);
    c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(world::waiting()) }));
    c.settle().press("! enter").wait(500);
    c.press("enter").shows("choose: this console is read-only");
    assert!(c.take(|e| matches!(e, Effect::Choose { .. })).is_none());
}

#[test]
fn a_detail_that_the_manager_does_not_follow_says_how_old_it_is() {
    let mut c = ready();
    c.reply(Reply::Interest(Err(problem(Code::Forbidden, "a viewer may only look"))));
    c.shows("payments-dashboard/production is shown as last read").shows("a viewer may only look");
    c.send(Msg::Tick(seconds(40)));
    c.shows("! 40s old, the manager does not keep it fresh: a viewer may only look");
    c.reply(Reply::Interest(Ok(()))).hides("keep it fresh");
    // A new stream is asked anew.
    c.reply(Reply::Interest(Err(problem(Code::Forbidden, "no"))));
    c.send(Msg::Watch(WatchMessage::Hello { watch_id: "w2".into(), at: "e1.9".into() }));
    c.hides("! 40s old");
}

#[test]
fn a_stream_that_the_manager_forgot_is_asked_for_anew_without_a_word() {
    let mut c = ready();
    c.effects.clear();
    let gone = || Reply::Interest(Err(problem(Code::NotFound, "there is no watch w1")));
    c.reply(gone()).hides("w1").hides("fresh");
    assert_eq!(c.effects, [Effect::LoadSnapshot]);
    // And if that does not help, it is said in words that a person knows.
    c.reply(gone()).hides("w1").shows("the manager does not keep it fresh");
    assert_eq!(c.effects, [Effect::LoadSnapshot], "it does not begin anew for ever");
    c.reply(Reply::Interest(Ok(())));
    c.model.toasts.clear();
    c.reply(gone()).hides("fresh");
    assert_eq!(c.effects.len(), 2);
    // That the manager is away stands in the header.
    c.reply(Reply::Interest(Err(problem(Code::ManagerUnreachable, "connection refused")))).hides("refused");
}

// --- what is not there -----------------------------------------------------------------------------------------------

#[test]
fn nothing_follows_while_the_manager_is_lost() {
    let mut c = ready();
    c.shows("FOLLOWING");
    c.press("0 ]").settle();
    c.send(Msg::Lost { problem: problem(Code::ManagerUnreachable, "gone"), retry_at: seconds(20) });
    c.send(Msg::Tick(seconds(12)));
    c.hides("FOLLOWING");
    let screen = c.screen();
    assert_eq!(screen.matches("RECONNECTING").count(), 2, "the tail and the tab: {screen}");
    assert_eq!(screen.matches("stale 12s").count(), 5, "every pane: {screen}");
    c.press("o").shows("stale 12s");
}

fn partial() -> Console {
    let mut s = world::snapshot();
    s.totals.deployments = 1_234;
    s.applications[1].deployments = (0..40).map(|n| format!("fraud-detection/live-{n}")).collect();
    s.rows.truncate(2);
    let mut c = Console::with(s, "dark", SIZE);
    c.settle();
    c
}

#[test]
fn rows_that_were_left_out_are_said_and_asked_for() {
    let mut c = partial();
    c.shows("2 Deployments 2 of 1,234");
    c.press("down").shows("fraud-detection has 40 deployments; its rows are not").hides("no deployment yet");
    let asked = c.take(|e| matches!(e, Effect::LoadRows(_)));
    assert_eq!(asked, Some(Effect::LoadRows("fraud-detection".into())));
    c.shows("◌ loading");
    c.reply(Reply::Rows("fraud-detection".into(), Err(problem(Code::TimedOut, "the manager is busy"))));
    c.shows("✗ the manager is busy");
    c.send(Msg::Tick(seconds(5)));
    assert!(c.take(|e| matches!(e, Effect::LoadRows(_))).is_some(), "it is asked again");
    let rows =
        (0..40).map(|n| world::row(&format!("fraud-detection/live-{n}"), Observed::Running, Health::Healthy));
    // One of them has gone meanwhile.
    let gone = "fraud-detection/live-39".to_owned();
    c.send(Msg::Watch(WatchMessage::DeploymentGone { deployment: gone.clone() }));
    c.reply(Reply::Rows("fraud-detection".into(), Ok(rows.collect())));
    assert!(!c.model.data.rows.contains_key(&gone));
    c.shows("live-0").shows("41 of 1,234").hides("were read");
    c.send(Msg::Tick(seconds(60)));
    assert!(c.take(|e| matches!(e, Effect::LoadRows(_))).is_none(), "nothing is missing any more");
    let mut c = ready();
    c.hides(" of 3");
    c.press("down").settle();
    assert!(c.effects.iter().all(|e| !matches!(e, Effect::LoadRows(_))));
}

#[test]
fn a_list_that_was_cut_says_so() {
    let many = |n: u32| -> Vec<Job> {
        (0..n).map(|i| Job { job_id: i.to_string(), ..world::jobs().remove(1) }).collect()
    };
    for (n, says) in [(199, false), (200, true)] {
        let mut c = ready();
        c.press("0 ] ]");
        c.reply(Reply::Tab(world::PROD.into(), Tab::Jobs, Ok(TabData::Jobs(many(n)))));
        assert_eq!(c.screen().contains("newest 200"), says, "{}", c.screen());
    }
}

// --- answers that failed ---------------------------------------------------------------------------------------------

#[test]
fn a_tab_that_cannot_be_read_keeps_its_value_says_why_and_is_asked_again() {
    let mut c = ready();
    c.press("0 ] ]").settle();
    c.shows("Restored from");
    // Another deployment and back: it is old by then.
    c.press("2 down").settle();
    c.send(Msg::Tick(seconds(30)));
    c.press("up");
    let asked = |c: &mut Console| c.take(|e| matches!(e, Effect::LoadTab(_, Tab::Jobs))).is_some();
    assert!(asked(&mut c));
    c.reply(Reply::Tab(world::PROD.into(), Tab::Jobs, Err(problem(Code::TimedOut, "the store is busy"))));
    c.shows("! 30s old, not read anew: the store is busy").shows("Restored from");
    c.send(Msg::Tick(seconds(34)));
    assert!(!asked(&mut c));
    c.send(Msg::Tick(seconds(35)));
    assert!(asked(&mut c));
    c.reply(Reply::Tab(world::PROD.into(), Tab::Jobs, Ok(TabData::Jobs(world::jobs()))));
    c.hides("not read anew");
}

#[test]
fn a_question_that_was_given_up_for_another_deployment_is_asked_again() {
    let mut c = ready();
    c.press("0 ] ]");
    assert!(c.take(|e| matches!(e, Effect::LoadTab(..))).is_some(), "and no answer comes");
    c.press("2 down up");
    assert!(
        c.take(|e| matches!(e, Effect::LoadTab(d, Tab::Jobs) if d == world::PROD)).is_some(),
        "the console keeps one question a tab: the first was given up"
    );
}

// --- jobs ------------------------------------------------------------------------------------------------------------

fn with_job(change: impl Fn(&mut Job)) -> Console {
    let mut c = ready();
    c.press("0 ] ]");
    let mut jobs = world::jobs();
    change(&mut jobs[1]);
    c.reply(Reply::Tab(world::PROD.into(), Tab::Jobs, Ok(TabData::Jobs(jobs))));
    c
}

#[test]
fn a_job_says_what_it_began_with_only_where_that_is_known() {
    let mut c = with_job(|_| {});
    c.shows("began empty").press("down enter").shows("began empty");
    let mut c = with_job(|j| j.began_empty = false);
    c.shows("not known").hides("began empty").press("down enter").shows("not known").hides("began empty");
}

#[test]
fn a_job_that_never_ran_has_no_age() {
    let mut c = with_job(|j| {
        (j.state, j.flink_state, j.started_at, j.began_empty) = (Observed::Failed, None, None, true);
    });
    c.shows("never ran").shows("✗ FAILED").hides("began empty");
    c.press("down enter").shows("it never ran").hides("began empty");
}

#[test]
fn a_job_that_was_stopped_says_what_for_and_is_suspended_only_as_the_newest() {
    // A later job has followed it, and nobody knows what stopped it.
    with_job(|_| {}).shows("‖ stopped  ").hides("SUSPENDED").hides("FINISHED");
    with_job(|j| j.flink_state = Some("FAILED".into())).shows("‖ FAILED");
    // By the operation that was at work when it ended, or that took its last savepoint.
    let ended = world::jobs()[1].ended_at.unwrap();
    for (kind, says) in [
        (Kind::Upgrade, "‖ stopped: UPGRADE "),
        (Kind::Rollback, "‖ stopped: ROLLBACK "),
        (Kind::Suspend, "‖ stopped: SUSPEND "),
    ] {
        let mut op = world::operation(OpState::Succeeded);
        (op.kind, op.started_at, op.ended_at) = (kind, Some(ended), Some(ended));
        let mut c = with_job(|_| {});
        c.reply(Reply::Operation(op.operation_id.clone(), Ok(Box::new(op.clone()))));
        c.shows(says).press("down enter").shows(&says[4..].trim().replacen(':', " for", 1));
        let mut c = with_job(|_| {});
        (op.started_at, op.ended_at) = (None, None);
        c.reply(Reply::Operation(op.operation_id.clone(), Ok(Box::new(op.clone()))));
        c.hides(says);
        let mut d = world::detail();
        d.savepoints[3].is_final = true;
        d.savepoints[3].operation_id = Some(op.operation_id.clone());
        d.savepoints[3].job_id = Some(world::jobs()[1].job_id.clone());
        c.reply(Reply::Detail(world::PROD.into(), Ok(Box::new(d)))).settle();
        c.reply(Reply::Tab(world::PROD.into(), Tab::Jobs, Ok(TabData::Jobs(world::jobs()))));
        c.shows(says);
    }
    // The newest one is suspended.
    let mut c = ready();
    c.press("0 ] ]");
    let jobs = vec![world::jobs().remove(1)];
    c.reply(Reply::Tab(world::PROD.into(), Tab::Jobs, Ok(TabData::Jobs(jobs))));
    c.shows("‖ SUSPENDED").press("enter").shows("‖ SUSPENDED");
}

#[test]
fn a_savepoint_says_which_jobs_began_with_it() {
    let mut c = ready();
    c.press("3 G enter");
    let asked = c.take(|e| matches!(e, Effect::LoadTab(_, Tab::Jobs)));
    assert_eq!(asked, Some(Effect::LoadTab(world::PROD.into(), Tab::Jobs)));
    c.hides("Restored by");
    c.reply(Reply::Tab(world::PROD.into(), Tab::Jobs, Ok(TabData::Jobs(world::jobs()))));
    c.shows("Restored by  job …00000007  03:44  revision 7");
}

#[test]
fn a_card_about_a_savepoint_names_it_before_its_deployment() {
    for (keys, kind, title) in [
        ("3 D", Kind::Dispose, "Dispose savepoint …0000c812 of payments-dashboard/production on eu-west-1"),
        ("3 R", Kind::Reset, "Reset payments-dashboard/production to savepoint …0000c812 on eu-west-1"),
        ("3 i", Kind::Import, "Import a savepoint into payments-dashboard/production on eu-west-1"),
    ] {
        for size in [(80, 24), SIZE] {
            let mut c = Console::new(size);
            c.settle().press(keys);
            if kind == Kind::Import {
                c.type_text("s3://bucket/x").rest();
            }
            c.plan(world::plan(kind)).shows(title);
        }
    }
}

#[test]
fn a_job_that_nobody_manages_says_why_there_are_no_savepoints_of_it() {
    let mut c = ready();
    c.press("down down v").shows("savepoint: nobody manages this job; a adopts it first");
    c.shows("is only looked at");
}

#[test]
fn job_and_format_of_savepoints_have_columns_where_there_is_room() {
    let mut c = Console::new((140, 36));
    c.settle().press("0 ] ] ] z");
    c.shows("Job ID").shows("Format").shows("CANONICAL").shows("…e5f60718");
    c.press("z").hides("Job ID");
}

// --- operations ------------------------------------------------------------------------------------------------------

#[test]
fn keys_in_texts_are_the_keys_that_work() {
    let (mut keymap, _) = Keymap::built_in();
    let found = keymap.apply(
        "mine",
        "[global]\nback = [\"f9\"]\n[leave]\nleave-now = [\"L\"]\nstay = [\"S\"]\n[card]\nclose = [\"f8\"]\n[list]\npage-down = [\"f7\"]\n[help]\nrun = [\"f6\"]\n",
    );
    assert!(found.is_empty(), "{found:?}");
    let mut c = ready();
    c.model.keymap = keymap;
    c.press("2 / z z enter").shows("f9 clears it").press("f9");
    c.press("q").shows("L quit").shows("S stay").press("S");
    c.press("?").shows("f6 runs").press("esc");
    c.press("p").plan(world::plan(Kind::Suspend));
    c.press("y").shows("f8 leaves; it goes on").press("f8");
    c.send(Msg::Resize(80, 24));
    c.press("x").plan(world::plan(Kind::Cancel));
    c.shows("more ↓ f7");
}

#[test]
fn the_page_of_operations_is_asked_for_again_after_a_loss() {
    let mut c = ready();
    c.press("o");
    assert!(c.take(|e| matches!(e, Effect::LoadOperations)).is_some());
    c.reply(Reply::Operations(Err(problem(Code::TimedOut, "busy"))));
    c.send(Msg::Tick(seconds(5)));
    assert!(c.take(|e| matches!(e, Effect::LoadOperations)).is_some());
    c.reply(Reply::Operations(Ok(vec![world::operation(OpState::Succeeded)])));
    c.send(Msg::Snapshot(Box::new(world::snapshot())));
    assert!(c.take(|e| matches!(e, Effect::LoadOperations)).is_some());
}

// --- a job beside its books ------------------------------------------------------------------------------------------

#[test]
fn a_job_that_lives_although_its_deployment_is_at_rest_can_be_cancelled() {
    for at_rest in [Observed::Suspended, Observed::Cancelled] {
        let mut s = world::snapshot();
        s.rows[0].observed = at_rest;
        s.rows[0].health = Health::Healthy;
        let mut c = Console::with(s.clone(), "dark", SIZE);
        c.settle().press("x").shows(&format!("cancel: it is {at_rest}"));
        assert!(c.model.overlays.is_empty());

        // `JobRevived` holds: job X runs beside the recorded one.
        s.rows[0].health = Health::Failing;
        let mut c = Console::with(s, "dark", SIZE);
        c.settle().press("x");
        assert!(matches!(c.model.overlays[..], [Overlay::Card(_)]), "{}", c.screen());
    }
}

#[test]
fn a_value_that_the_program_has_set_itself_is_marked() {
    let path = "flinkConfiguration/execution.checkpointing.interval".to_owned();
    let mut d = world::detail();
    d.deployment.overridden = vec![OverriddenValue { path, runs_with: "30s".into() }];
    let mut c = ready();
    c.reply(Reply::Detail(world::PROD.into(), Ok(Box::new(d)))).settle();
    c.shows("! Overridden: execution.checkpointing.interval is 30s, set by");
    c.reply(Reply::Tab(world::PROD.into(), Tab::Config, Ok(TabData::Config(world::revisions()))));
    c.press("0 [").settle();
    c.shows("30s, not 10s              program");
}

#[test]
fn a_new_deployment_takes_its_place_by_name() {
    let mut c = ready();
    for name in ["payments-dashboard/canary", "payments-dashboard/quick"] {
        let row = world::row(name, Observed::Running, Health::Healthy);
        c.send(Msg::Watch(WatchMessage::Deployment { row, detail: None }));
    }
    let of_app = c.model.data.rows.keys().filter_map(|n| n.strip_prefix("payments-dashboard/"));
    assert_eq!(of_app.collect::<Vec<_>>(), ["canary", "production", "quick", "staging"]);
}
