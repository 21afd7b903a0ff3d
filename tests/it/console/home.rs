//! Home, at the sizes people have.

use nutkin::{
    contract::problem::Code,
    domain::time::Timestamp,
    faces::tui::msg::{Msg, Reply},
};

use super::{
    support::{Console, problem},
    world,
};

#[test]
fn home_at_two_sizes_and_without_colour() {
    for (w, h) in [(80, 24), (120, 36)] {
        let mut c = Console::new((w, h));
        c.settle();
        insta::assert_snapshot!(format!("home_{w}x{h}_dark"), c.styled());
        let mut c = Console::with(world::snapshot(), "mono", (w, h));
        c.settle();
        insta::assert_snapshot!(format!("home_{w}x{h}_mono"), c.styled());
    }
}

#[test]
fn home_with_three_columns_and_with_one() {
    let mut c = Console::new((170, 40));
    c.settle();
    insta::assert_snapshot!("home_170x40", c.screen());
    let mut c = Console::new((60, 20));
    c.settle();
    insta::assert_snapshot!("home_60x20", c.screen());
    c.press("enter");
    c.shows("2 Deployments").hides("1 Applications").shows("▸ Deployments");
    c.press("enter").shows("[Overview]");
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    Console::new((39, 12)).shows("39×12 is too small");
    for (w, h) in [(1, 1), (2, 2), (10, 3), (40, 10), (80, 10), (300, 100)] {
        Console::new((w, h)).buffer();
    }
}

#[test]
fn tabs() {
    for (n, name) in ["events", "jobs", "savepoints", "config"].into_iter().enumerate() {
        let mut c = Console::new((120, 36));
        c.press("0").press(&"] ".repeat(n + 1)).settle();
        insta::assert_snapshot!(format!("tab_{name}_120x36"), c.screen());
    }
}

#[test]
fn lists_say_why_they_are_empty() {
    let mut c = Console::bare("dark", (100, 30));
    c.shows("◌ loading").shows("◌ connecting");

    let mut s = world::snapshot();
    (s.applications, s.rows, s.unmanaged, s.selected, s.events) = (vec![], vec![], vec![], None, vec![]);
    let mut nothing = s.clone();
    nothing.targets.clear();
    let mut c = Console::with(nothing, "dark", (120, 36));
    c.shows("No target yet").shows("nutkin target add").shows("nutkin demo").shows("No event yet");
    let mut c = Console::with(s, "dark", (120, 36));
    c.shows("No application yet, and no job on").shows("eu-west-1 ● reachable");

    let mut c = Console::new((120, 36));
    c.press("2 / z z z");
    c.shows("2 hidden by the filter \"zzz\"").shows("/zzz");
    c.press("esc").hides("hidden by the filter");

    let mut c = Console::new((120, 36));
    c.press("down");
    let asked = c.take(|e| matches!(e, nutkin::faces::tui::msg::Effect::LoadDetail(_))).is_some();
    assert!(asked);
    c.reply(Reply::Detail(
        "fraud-detection/live".into(),
        Err(problem(Code::TargetUnreachable, "the cluster does not answer")),
    ));
    c.shows("✗ the cluster does not answer").shows("→ try something else");
}

#[test]
fn a_lost_manager_leaves_everything_on_the_screen_and_says_how_old_it_is() {
    let mut c = Console::new((120, 36));
    c.settle();
    let lost = problem(Code::ManagerUnreachable, "the manager does not answer");
    let later = |s: i64| Timestamp::from_millis(world::now().millis() + s * 1000);
    c.send(Msg::Lost { problem: lost.clone(), retry_at: later(0) });
    c.send(Msg::Tick(later(12)));
    c.send(Msg::Lost { problem: lost, retry_at: later(15) });
    c.shows("✗ manager lost 12s, retry in 3s").shows("stale 12s").shows("production").shows("#812");
    c.press("2 p");
    c.shows("suspend: the manager does not answer");
    insta::assert_snapshot!("home_lost_120x36", c.styled());
    c.send(Msg::Snapshot(Box::new(world::snapshot())));
    c.hides("manager lost").hides("stale").shows("the manager answers again");
}

#[test]
fn an_unreachable_cluster_is_stale_and_never_failed() {
    let mut s = world::snapshot();
    s.targets[0].reachable = Some(false);
    s.targets[0].observed_at = Some(world::at("06:50:02"));
    let mut c = Console::with(s, "dark", (120, 36));
    c.settle();
    c.shows("● RUNNING stale 6m").shows("eu-west-1  ✗ unreachable").shows("stale 1s");
}

#[test]
fn unmanaged_jobs_are_there_at_once() {
    let mut c = Console::new((120, 36));
    c.press("down down");
    insta::assert_snapshot!("unmanaged_120x36", c.screen());
    c.shows("* Unmanaged on eu-west-1").shows("Click Stream").shows("takes it over");
}
