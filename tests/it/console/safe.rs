//! Keys that are pressed by mistake: nothing is confirmed, changed or thrown away by them.

use nutkin::{
    domain::operation::Kind,
    faces::tui::{
        msg::Effect,
        overlay::{Overlay, card::Card, fields::Value},
    },
};
use rstest::rstest;

use super::{support::Console, world};

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
