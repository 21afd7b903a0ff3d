//! The palette runs what was typed, or says why not; no other command takes its place.

use nutkin::{
    domain::{deployment::Observed, operation::Kind},
    faces::tui::{
        msg::{Effect, Msg},
        overlay::Overlay,
    },
};
use rstest::rstest;

use super::{support::Console, world};

fn ready() -> Console {
    let mut c = Console::new((120, 36));
    c.settle();
    c
}

/// The kind of the card that lies on top.
fn card(c: &Console) -> Option<Kind> {
    match c.model.overlays.last() {
        Some(Overlay::Card(card)) => Some(card.request().kind()),
        _ => None,
    }
}

#[rstest]
#[case::savepoint("savepoint", Kind::Savepoint)]
#[case::restart("restart", Kind::Restart)]
#[case::by_its_title("roll back", Kind::Rollback)]
#[case::by_its_start("sav", Kind::Savepoint)]
#[case::in_capitals(" Suspend ", Kind::Suspend)]
fn what_was_typed_runs(#[case] typed: &str, #[case] kind: Kind) {
    let mut c = ready();
    c.press("2 :").type_text(typed).press("enter");
    assert_eq!(card(&c), Some(kind), "{}", c.screen());
    // Pasted, it means the same.
    let mut c = ready();
    c.press("2 :").send(Msg::Paste(typed.into())).press("enter");
    assert_eq!(card(&c), Some(kind), "{}", c.screen());
}

#[rstest]
#[case::start("start", "start: it already runs")]
#[case::its_start("sta", "start: it already runs")]
#[case::delete("delete", "delete: it has a job; suspend or cancel it first")]
fn what_does_nothing_now_says_why_and_nothing_else_runs(#[case] typed: &str, #[case] why: &str) {
    let mut c = ready();
    c.press("2 :").type_text(typed).press("enter").shows(why);
    assert!(c.model.overlays.is_empty(), "{}", c.screen());
    assert!(!c.effects.iter().any(|e| matches!(e, Effect::DryRun(..) | Effect::Patch { .. })));
}

#[test]
fn of_what_fits_alike_the_first_that_does_something_is_marked() {
    let mut s = world::snapshot();
    s.rows[0].observed = Observed::Suspended;
    let mut c = Console::with(s, "dark", (120, 36));
    // Both begin so; only one of them does something while there is no job.
    c.settle().press("2 :").type_text("s").press("enter");
    assert_eq!(card(&c), Some(Kind::Start), "{}", c.screen());
}
