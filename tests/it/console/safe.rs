//! Keys that are pressed by mistake: nothing is confirmed, changed or thrown away by them.

use nutkin::{
    contract::problem::Code,
    domain::operation::Kind,
    faces::tui::{
        data::{Tab, TabData},
        msg::{Effect, Msg, Reply},
        overlay::{Overlay, card::Card, fields::Value},
    },
};
use rstest::rstest;

use super::{
    support::{Console, problem},
    world,
};

fn card(c: &Console) -> &Card {
    match c.model.overlays.last() {
        Some(Overlay::Card(card)) => card,
        other => panic!("{other:?}"),
    }
}

fn sent(c: &Console) -> bool {
    c.effects.iter().any(|e| matches!(e, Effect::Submit(..)))
}

fn values(c: &Console) -> Vec<Value> {
    card(c).fields.iter().map(|f| f.value.clone()).collect()
}

#[rstest]
#[case::suspend("p", Kind::Suspend)]
#[case::restart("r", Kind::Restart)]
#[case::rollback("b", Kind::Rollback)]
#[case::reset("3 R", Kind::Reset)]
fn letters_do_nothing_in_a_field_that_is_chosen(#[case] keys: &str, #[case] kind: Kind) {
    let fields = {
        let mut c = Console::new((120, 36));
        c.settle().press(keys).plan(world::plan(kind));
        values(&c).len()
    };
    for at in 0..fields {
        let mut c = Console::new((120, 36));
        c.settle().press(keys).plan(world::plan(kind));
        // From Cancel over Confirm to the first field.
        c.press(&"tab ".repeat(at + 2));
        let before = values(&c);
        c.hides("   y ").hides(" y confirm  ");
        c.type_text("why,hlnqcYjkG?:o!");
        assert!(!sent(&c), "field {at}");
        assert_eq!(values(&c), before, "field {at}");
        assert_eq!(c.model.overlays.len(), 1, "field {at}");
        c.shows("nothing is typed here").shows("y confirms from the buttons");
        // What is meant changes it.
        c.press("right");
        if before[at] != values(&c)[at] {
            c.press("left");
            assert_eq!(values(&c), before);
        }
    }
}

#[test]
fn yes_counts_on_the_buttons_alone() {
    let mut c = Console::new((120, 36));
    c.model.keymap.apply("mine", "[card]\nconfirm = [\"f5\"]\n");
    c.settle().press("p").plan(world::plan(Kind::Suspend));
    for tabs in 2..=4 {
        c.press(&"tab ".repeat(tabs)).press("f5");
        assert!(!sent(&c), "{tabs}");
        c.shows("nothing was sent: f5 confirms from the buttons");
        c.press(&"shift-tab ".repeat(tabs));
    }
    c.press("f5");
    assert!(sent(&c));
}

#[test]
fn letters_do_nothing_in_a_field_of_the_form_that_is_chosen() {
    let mut c = Console::new((120, 36));
    c.settle().press("u").settle();
    let state = |c: &Console| match c.model.overlays.last() {
        Some(Overlay::Form(f)) => (f.strategy, f.from, f.drop_state),
        other => panic!("{other:?}"),
    };
    c.press("tab tab tab tab tab");
    for _ in 0..3 {
        c.effects.clear();
        c.type_text("whyhl?:q");
        assert_eq!((state(&c), &c.effects[..]), ((0, 0, false), &[][..]));
        c.shows("nothing is typed here");
        c.model.toasts.clear();
        c.press("left right tab");
    }
    assert_eq!(state(&c), (0, 0, false), "left takes back what right has done");
}

#[test]
fn a_form_asks_once_before_it_throws_away_what_was_filled_in() {
    let open = |c: &Console| matches!(c.model.overlays.last(), Some(Overlay::Form(_)));
    let mut c = Console::new((120, 36));
    c.settle().press("u").settle().press("tab tab esc");
    assert!(!open(&c), "nothing was filled in");
    c.press("u").settle().type_text("c0ffee").press("esc");
    assert!(open(&c));
    c.shows("esc again throws away what you filled in").shows("c0ffee");
    // Whoever goes on has not meant it.
    c.type_text("0").press("esc");
    assert!(open(&c));
    c.send(Msg::Paste("1".into())).press("esc");
    assert!(open(&c), "nor whoever pastes");
    c.press("esc");
    assert!(!open(&c));
    c.press("u").settle().type_text("c0ffee").press("esc").wait(9_000);
    c.press("esc");
    assert!(open(&c), "what was said a while ago counts no more");
    c.press("esc");
    assert!(!open(&c));
}

#[test]
fn a_form_says_in_full_what_is_wrong() {
    let words = "cannot open /home/alice/build/libs/payments-dashboard-3.0.0-SNAPSHOT-all.jar: no such file, nothing was uploaded";
    for size in [(80, 24), (120, 36)] {
        let mut c = Console::new(size);
        c.settle().press("u").settle().type_text("./x.jar").press("enter");
        let Some(Effect::Upload(ask, _)) = c.take(|e| matches!(e, Effect::Upload(..))) else { panic!() };
        c.reply(Reply::Uploaded(ask, Err(problem(Code::BadArtifact, words))));
        let screen = c.screen();
        for part in ["nothingwasuploaded", "SNAPSHOT-all.jar", "trysomethingelse"] {
            // The pane at the right, or below.
            let lines: String = screen.lines().map(|l| l.rsplit('│').nth(1).unwrap_or_default()).collect();
            let lines: String = lines.chars().filter(|c| !c.is_whitespace()).collect();
            assert!(lines.contains(part), "{part}: {screen}");
        }
        c.shows("! not yet: see what is wrong");
    }
}

#[test]
fn the_list_of_jars_tells_which_runs_and_which_has_failed() {
    let mut c = Console::new((120, 36));
    let mut revisions = world::revisions();
    let mut bad = revisions[0].clone();
    (bad.number, bad.version_label, bad.failed_in) = (8, "payments@c0ffe".into(), Some("op".into()));
    bad.spec["artifact"]["sha256"] = world::artifacts()[0].sha256.clone().into();
    revisions.insert(0, bad);
    c.settle().press("u");
    c.settle();
    c.reply(Reply::Tab(world::PROD.into(), Tab::Config, Ok(TabData::Config(revisions))));
    c.shows("unchanged: payments.jar (payments@33de6)");
    c.press("ctrl-o").shows("✗ c0ffee00  payments-2.0.jar  payments@c0ffe  failed");
    c.shows("● 9b1c0e5f  payments.jar  payments@33de6  this one runs now");
    c.shows("2 of 2").press("enter").shows("9b1c0e5f77aa01d2");
    // None has failed: the newest.
    let mut c = Console::new((120, 36));
    c.settle().press("u").settle().press("ctrl-o").shows("1 of 2").hides("failed");
}
