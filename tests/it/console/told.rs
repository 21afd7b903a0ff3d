//! What is on the screen says what it is: filters, values in effect, what goes on, where one is, what lies below.

use nutkin::{
    contract::{
        model::OverriddenValue,
        plan::{Check, Confirmation, Verdict},
        problem::{Code, Problem},
        watch::WatchMessage,
    },
    domain::{
        deployment::{Health, Observed},
        operation::{Kind, OpState},
    },
    faces::tui::{
        data::{Tab, TabData},
        msg::{Effect, Msg, Reply},
        overlay::{Overlay, card::Focus},
        say::Zone,
        update::{settle, take_in},
    },
};
use rstest::rstest;

use super::{support::Console, world};

const SMALL: (u16, u16) = (80, 24);
const SIZE: (u16, u16) = (120, 36);

fn console(size: (u16, u16)) -> Console {
    let mut c = Console::new(size);
    c.settle();
    c
}

// --- filters ---------------------------------------------------------------------------------------------------------

#[rstest]
#[case::event_log("]", "CHECK", "0 hidden")]
#[case::jobs("] ]", "RUNNING", "1 hidden")]
#[case::savepoints("] ] ]", "SUSPEND", "2 hidden")]
#[case::config("] ] ] ]", "rocksdb", "hidden")]
fn a_filter_of_a_tab_says_what_it_hides(
    #[case] tab: &str,
    #[case] words: &str,
    #[case] hidden: &str,
    #[values(SMALL, SIZE)] size: (u16, u16),
) {
    let mut c = console(size);
    c.press("0").press(tab).settle();
    c.hides(" hidden").press("/").type_text(words).press("enter");
    let screen = c.screen();
    let title = screen.lines().find(|l| l.contains('[')).unwrap();
    assert!(title.contains(&format!("/{words}")), "{screen}");
    assert_eq!(title.contains(hidden), hidden != "0 hidden", "{screen}");
    c.press("esc").hides(" hidden");
}

// --- configuration ---------------------------------------------------------------------------------------------------

#[test]
fn an_overridden_value_opens_with_what_the_job_runs_with() {
    let path = "flinkConfiguration/execution.checkpointing.interval".to_owned();
    let mut d = world::detail();
    d.deployment.overridden = vec![OverriddenValue { path, runs_with: "30s".into() }];
    let mut c = console(SIZE);
    c.reply(Reply::Detail(world::PROD.into(), Ok(Box::new(d)))).settle();
    c.press("0 [").settle();
    c.reply(Reply::Tab(world::PROD.into(), Tab::Config, Ok(TabData::Config(world::revisions()))));
    c.press("/").type_text("checkpointing.interval").press("enter enter");
    c.shows("Runs with    30s  set by the program").shows("Asked for    10s").hides("Value   ");
    c.press("y");
    assert_eq!(c.take(|e| matches!(e, Effect::Copy(_))), Some(Effect::Copy("30s".into())));
}

// --- leaving ---------------------------------------------------------------------------------------------------------

#[test]
fn leaving_names_everything_that_goes_on_and_what_waits_first() {
    let mut s = world::snapshot();
    (s.rows[2].needs_attention, s.rows[2].operation) = (true, Some("UPGRADE 4/6".into()));
    let mut c = Console::with(s, "dark", SMALL);
    c.settle();
    // One is known in full, the others by their rows alone.
    c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(world::operation(OpState::Running)) }));
    c.press("q");
    c.shows("◐ SUSPEND of payments-dashboard/production goes on  …0000beef");
    c.shows("◐ UPGRADE 3/6 of payments-dashboard/staging goes on");
    c.shows("▲ UPGRADE 4/6 of fraud-detection/live waits for a person");
    let screen = c.screen();
    assert!(screen.find("waits for a person") < screen.find("goes on  …"), "{screen}");
}

// --- the header ------------------------------------------------------------------------------------------------------

#[test]
fn the_deployments_name_is_whole_and_the_target_outlives_the_actor() {
    let mut c = console(SMALL);
    let header = |c: &Console| c.screen().lines().next().unwrap().to_owned();
    assert!(header(&c).contains("▸ production "), "{}", header(&c));
    assert!(header(&c).contains("eu-west-1"), "{}", header(&c));
    c.send(Msg::Resize(84, 24));
    assert!(header(&c).contains("▸ production "), "{}", header(&c));
    c.model.zone = Zone::Named(chrono_tz::Europe::Berlin);
    assert!(header(&c).ends_with(" 08:56:02+02"), "{}", header(&c));
    assert!(header(&c).contains("▸ production "), "{}", header(&c));
}

// --- what lies below -------------------------------------------------------------------------------------------------

#[test]
fn the_mark_for_more_covers_no_word_and_is_no_count() {
    let mut c = console(SMALL);
    c.shows(" more ↓ key 0 ").press("x").plan(world::plan(Kind::Cancel));
    let screen = c.screen();
    let marked = screen.lines().find(|l| l.contains("more ↓")).unwrap();
    let under = marked.split(" more ↓").next().unwrap().trim_end_matches(|c: char| c.is_ascii_digit());
    let under = under.trim_start_matches('│').trim();
    assert!(under.is_empty() || under.ends_with('…') || screen.contains(under), "{marked:?}");
}

#[test]
fn what_is_at_stake_is_in_sight_where_a_card_may_be_confirmed() {
    for (keys, kind) in [
        ("p", Kind::Suspend),
        ("r", Kind::Restart),
        ("x", Kind::Cancel),
        ("v", Kind::Savepoint),
        ("b", Kind::Rollback),
    ] {
        console(SMALL).press(keys).plan(world::plan(kind)).shows("At stake").shows("lost on failover now 9s");
    }
}

#[test]
fn the_key_for_the_buttons_does_not_confirm_when_it_is_pressed_twice() {
    for confirmation in ["y", "name"] {
        let mut c = console(SIZE);
        c.press("u").settle();
        c.type_text("c0ffee").rest().plan(world::plan(Kind::Upgrade));
        let mut plan = world::plan(Kind::Upgrade);
        let focus = if confirmation == "name" {
            plan.confirmation = Confirmation::TypeName;
            Focus::Typed
        } else {
            Focus::Cancel
        };
        c.press("ctrl-s").plan(plan);
        c.press("tab tab ctrl-s ctrl-s");
        let Some(Overlay::Card(card)) = c.model.overlays.last() else { panic!("{}", c.screen()) };
        assert_eq!(card.focus, focus);
        c.press("enter");
        assert!(c.take(|e| matches!(e, Effect::Submit(..))).is_none(), "{}", c.screen());
    }
    // From there, one key confirms.
    let mut c = console(SIZE);
    c.press("p").plan(world::plan(Kind::Suspend)).press("shift-tab ctrl-s y");
    assert!(c.take(|e| matches!(e, Effect::Submit(..))).is_some());
}

/// Where the name is typed, the key for the buttons leads on to them, and what confirms is said.
#[test]
fn a_card_with_the_right_name_says_which_key_confirms() {
    let mut c = console(SMALL);
    let mut plan = world::plan(Kind::Reset);
    plan.confirmation = Confirmation::TypeName;
    let name = plan.typed_name.clone();
    c.press("3 R").plan(plan).press("ctrl-s").type_text(&name).press("ctrl-s");
    let Some(Overlay::Card(card)) = c.model.overlays.last() else { panic!("{}", c.screen()) };
    assert_eq!(card.focus, Focus::Cancel);
    c.shows(" y confirm").press("y");
    assert!(c.take(|e| matches!(e, Effect::Submit(..))).is_some(), "{}", c.screen());
}

/// A hint for the command line is one for the card, too.
#[rstest]
#[case::a_flag("suspend it first, or give --cancel-and-start", true)]
#[case::of_another_verb("add it: nutkin artifact add FILE, or give --drain", false)]
fn a_hint_names_the_field_that_means_its_flag(#[case] hint: &str, #[case] here: bool) {
    let mut c = console(SIZE);
    c.press("3 R");
    let Some(Effect::DryRun(ask, question, _)) = c.take(|e| matches!(e, Effect::DryRun(..))) else {
        panic!()
    };
    let refused = Problem::new(Code::WrongState, "a job lives; nothing was changed").hint(hint);
    c.reply(Reply::Plan(ask, question, Err(Box::new(refused)))).shows(hint);
    match here {
        true => c.shows("here: the field And start"),
        false => c.hides("here: the field"),
    };
}

// --- tables ----------------------------------------------------------------------------------------------------------

#[test]
fn tables_keep_the_column_that_they_are_read_for() {
    let mut c = console(SMALL);
    c.press("0 ] ]").settle();
    c.shows("From").shows("…0000c655").shows("began empty").hides("Ended").hides("Flink job");
    c.press("]").settle();
    c.shows("✓ 1.2 GiB").shows("✗ FAILED").shows("…0000c812").shows("request");
    // Why an operation failed.
    let mut op = world::ended(OpState::Failed);
    (op.actor, op.operation_id) = ("alice@bastion-1".into(), "op-1".into());
    op.state = OpState::FailedNoEffect;
    c.press("o").reply(Reply::Operations(Ok(vec![op, world::operation(OpState::Running)])));
    c.shows("submit revision 6 f…").shows("…/production").press("down");
    c.shows("by alice@bastion-1 at 06:55:50  submit revision 6 from that snapshot: Flink");
    c.shows("Cannot map checkpoint/savepoint state");
    c.send(Msg::Resize(150, 40));
    c.shows("alice@bastion-1").shows("Begun").shows("submit revision 6 from that snapshot: Flink refused");
}

#[test]
fn a_row_at_work_says_what_it_does_before_how_far_it_is() {
    let mut c = console(SMALL);
    c.shows("◐ UPGRAD");
    c.send(Msg::Resize(100, 24));
    c.shows("◐ UPGRAD");
}

// --- the form --------------------------------------------------------------------------------------------------------

fn form(size: (u16, u16)) -> Console {
    let mut c = console(size);
    c.press("u").settle();
    let mut plan = world::plan(Kind::Upgrade);
    plan.checks.push(Check {
        name: "slots".into(),
        verdict: Verdict::Failed,
        message: "8 needed, 4 free".into(),
        hint: None,
    });
    c.type_text("c0ffee").rest().plan(plan);
    c
}

#[test]
fn the_difference_is_scrolled_and_what_speaks_against_it_comes_first() {
    let mut c = form(SMALL);
    c.shows("✗ slots: 8 needed, 4 free").shows("more ↓ pagedown").shows("pagedown scroll");
    c.hides("state.backend.incremental");
    c.press("pagedown pagedown pagedown").shows("state.backend.incremental").shows("more ↑ pageup");
    c.press("pageup pageup pageup").shows("✗ slots").hides("more ↑");
    let mut c = form(SIZE);
    let screen = c.screen();
    assert!(screen.find("✗ slots") < screen.find("Changes"), "{screen}");
    c.hides("more ↓");
}

#[test]
fn the_end_of_a_line_is_no_editor() {
    let mut c = form(SIZE);
    c.press("home ctrl-e").type_text("00");
    assert!(c.take(|e| matches!(e, Effect::Edit(..))).is_none());
    c.shows("c0ffee00");
    c.press("tab tab tab tab tab tab tab tab ctrl-e");
    assert!(c.take(|e| matches!(e, Effect::Edit(..))).is_some(), "in the configuration it is");
}

// --- many messages at once -------------------------------------------------------------------------------------------

#[test]
fn what_is_looked_at_is_said_once_for_many_messages() {
    let mut c = console(SIZE);
    c.effects.clear();
    let mut fx = Vec::new();
    for name in ["payments-dashboard/a", "payments-dashboard/b"] {
        let row = world::row(name, Observed::Running, Health::Healthy);
        fx.extend(take_in(&mut c.model, Msg::Watch(WatchMessage::Deployment { row, detail: None })));
        let hello = WatchMessage::Hello { watch_id: name.into(), at: "e1.9".into() };
        fx.extend(take_in(&mut c.model, Msg::Watch(hello)));
    }
    assert_eq!(fx, []);
    let fx = settle(&mut c.model);
    assert_eq!(fx.iter().filter(|e| matches!(e, Effect::SetInterest(_))).count(), 1);
    c.shows(" a ").shows(" b ");
}

// --- a new window ----------------------------------------------------------------------------------------------------

#[test]
fn a_new_window_leaves_the_open_tab_in_sight_and_asks_for_it_again() {
    let mut c = console(SIZE);
    c.press("0 ] ]").settle();
    c.effects.clear();
    c.send(Msg::Snapshot(Box::new(world::snapshot())));
    c.shows("…0000c655").hides("◌ loading");
    assert!(c.take(|e| matches!(e, Effect::LoadTab(_, Tab::Jobs))).is_some());
}
