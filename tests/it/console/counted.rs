//! What is counted, what comes first, and what is of the past.

use nutkin::{
    contract::model::{Deployment, MetricValue, RootCause, Tasks},
    domain::{
        deployment::{Health, Observed},
        operation::OpState,
        time::Timestamp,
    },
    faces::tui::msg::{Msg, Reply},
};
use rstest::rstest;

use super::{support::Console, world};

const SIZE: (u16, u16) = (120, 36);

fn seconds(s: i64) -> Timestamp {
    Timestamp::from_millis(world::now().millis() + s * 1000)
}

// --- what is counted, and who is called ------------------------------------------------------------------------------

#[test]
fn what_nobody_knows_is_counted_as_unknown_and_never_as_failing() {
    let mut s = world::snapshot();
    s.targets[0].reachable = Some(false);
    for r in &mut s.rows {
        (r.observed, r.health, r.operation) = (Observed::Unknown, Health::Unknown, None);
    }
    (s.totals.running, s.totals.transitioning, s.totals.failing, s.totals.operations) = (0, 0, 3, 0);
    let mut c = Console::with(s.clone(), "dark", (160, 36));
    c.settle().shows("✗ 0 failing  ? 3 unknown");
    // One of them waits for a person: that one is failing, whatever its cluster says.
    (s.rows[0].needs_attention, s.rows[0].health) = (true, Health::Failing);
    Console::with(s.clone(), "dark", (160, 36)).settle().shows("✗ 1 failing  ? 2 unknown");
    Console::new((160, 36)).settle().hides("unknown");
}

#[test]
fn an_application_calls_nobody_while_an_operation_is_at_work() {
    for health in [Health::Degraded, Health::Failing] {
        let mut s = world::snapshot();
        for app in &mut s.applications {
            app.health = health;
        }
        s.rows[1].health = health;
        let row = |s: &nutkin::contract::watch::Snapshot| {
            let mut c = Console::with(s.clone(), "dark", SIZE);
            let screen = c.settle().screen();
            screen.lines().find(|l| l.contains("Payments Dashboard (Eu")).unwrap()[..60].to_owned()
        };
        assert!(row(&s).contains("◐ Payments"), "{}", row(&s));
        s.rows[1].operation = None;
        assert!(!row(&s).contains('◐'), "{}", row(&s));
        (s.rows[1].operation, s.rows[1].needs_attention) = (Some("UPGRADE 3/6".into()), true);
        assert!(row(&s).contains("▲ Payments"), "{}", row(&s));
    }
}

#[test]
fn a_pane_without_the_focus_does_not_offer_the_key_that_moves_another_ones_selection() {
    let mut s = world::snapshot();
    let d = &mut s.selected.as_mut().unwrap().deployment;
    d.metrics =
        (0..30).map(|n| MetricValue { name: format!("number {n}"), ..d.metrics[0].clone() }).collect();
    let mut c = Console::with(s, "dark", (80, 24));
    c.settle().press("2").shows("more ↓ key 0").hides("pagedown");
    c.press("0").shows("more ↓ pagedown").hides("key 0");
    c.press("pagedown").shows("more ↑ pageup");
    c.press("2").shows("more ↑ key 0").hides("pageup");
}

#[test]
fn what_is_wrong_comes_before_what_is_good_to_know() {
    let mut s = world::snapshot();
    let d = &mut s.selected.as_mut().unwrap().deployment;
    d.root_cause = Some(RootCause {
        message: "java.io.IOException: disk quota exceeded".into(),
        task: Some("Sink".into()),
        task_manager: None,
        at: Some(world::at("06:55:00")),
    });
    let mut c = Console::with(s, "dark", (80, 24));
    let mut failed = world::ended(OpState::Failed);
    failed.created_at = world::at("06:55:50");
    c.settle();
    c.reply(Reply::History(world::PROD.into(), Ok(vec![failed])));
    let screen = c.screen();
    let at = |words: &str| {
        screen.lines().position(|l| l.contains(words)).unwrap_or_else(|| panic!("{words}: {screen}"))
    };
    assert!(at("State ") < at("Last failure") && at("Last failure") < at("✗ Root cause"), "{screen}");
    assert!(at("✗ Root cause") < at("Target "), "{screen}");
}

// --- ages, and what is of the past -----------------------------------------------------------------------------------

/// The home of production after a change of its detail.
fn with_detail(size: (u16, u16), change: impl Fn(&mut Deployment)) -> Console {
    let mut s = world::snapshot();
    change(&mut s.selected.as_mut().unwrap().deployment);
    let mut c = Console::with(s, "dark", size);
    c.settle();
    c
}

#[test]
fn ages_go_on_while_the_cluster_is_silent_and_nothing_is_read() {
    let mut c = with_detail(SIZE, |_| {});
    c.shows("9s failover, 15m end").shows("of 06:41  repeats 15m").hides("at most");
    c.send(Msg::Tick(seconds(50))).shows("59s failover, 15m end");
    c.send(Msg::Tick(seconds(600))).shows("10m failover, 25m end").shows("of 06:41  repeats 25m");
    // A cluster that does not answer: the same, told again and again by a manager that knows no more.
    let silent = |d: &mut Deployment| d.observed = Observed::Unknown;
    let mut c = with_detail(SIZE, silent);
    c.shows("at most 9s failover, 15m end");
    c.send(Msg::Tick(seconds(600))).shows("at most 10m failover, 25m end");
    let mut again = world::detail();
    silent(&mut again.deployment);
    c.reply(Reply::Detail(world::PROD.into(), Ok(Box::new(again)))).shows("at most 10m failover, 25m end");
    // A restore point that is the running job's checkpoint.
    let mut c = with_detail(SIZE, |d| {
        d.last_checkpoint.as_mut().unwrap().location = Some("s3://bucket/chk-812".into());
        let p = d.next_restore_point.as_mut().unwrap();
        (p.savepoint_id, p.location, p.rewind_seconds) = (None, Some("s3://bucket/chk-812".into()), None);
        p.why = "newest complete retained checkpoint of the running job of this deployment".into();
        p.state_of = d.last_checkpoint.as_ref().unwrap().triggered_at;
        d.end_loss_seconds = d.crash_loss_seconds;
    });
    c.shows("newest complete retained checkpoint of the running job").shows("9s old");
    c.send(Msg::Tick(seconds(50))).shows("59s old").shows("59s failover, 59s end");
}

#[rstest]
#[case(Observed::Suspended)]
#[case(Observed::Cancelled)]
#[case(Observed::Finished)]
fn numbers_of_a_job_that_has_ended_are_of_the_past(#[case] state: Observed) {
    let mut c = with_detail(SIZE, |d| d.observed = state);
    c.shows("the last one was #812 of 06:55").hides("✓ 8s ago");
    c.shows("when it was last seen to run, at 06:56:00:").shows("1,234,567 payments");
    c.send(Msg::Tick(seconds(600))).shows("9s failover");
    with_detail(SIZE, |_| {}).shows("✓ 8s ago").hides("last seen to run");
}

#[rstest]
#[case((80, 24))]
#[case((120, 36))]
#[case((170, 40))]
fn a_deployment_on_its_way_is_told_in_full(#[case] size: (u16, u16)) {
    let mut c = with_detail(size, |d| {
        d.observed = Observed::Transitioning;
        let job = d.job.as_mut().unwrap();
        job.flink_state = Some("INITIALIZING".into());
        job.tasks = Some(Tasks { running: 3, total: 12 });
        job.restarts = Some(2);
    });
    let normal = c.press("0").screen();
    let zoomed = c.press("z").screen();
    for screen in [normal, zoomed] {
        // Wherever its lines break, and whatever stands in the panes at its sides.
        let first = screen.lines().find(|l| l.contains("State  ")).unwrap();
        let from = first[..first.find("State  ").unwrap()].chars().count();
        let wide = first.chars().skip(from).take_while(|c| *c != '│').count();
        let column = |l: &str| l.chars().skip(from).take(wide).collect::<String>();
        let pane: Vec<String> = screen.lines().skip_while(|l| !l.contains("State  ")).map(column).collect();
        let pane = pane.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "TRANSITIONING",
            "(Flink: INITIALIZING)",
            "2 restarts",
            "wanted RUNNING",
            "4 of 8 slots free",
            "3/12 tasks run",
        ] {
            assert!(pane.contains(words), "{words}: {pane}\n{screen}");
        }
    }
}
