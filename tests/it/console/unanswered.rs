//! A confirmed act that nobody has answered: it is asked for until there is an answer, also when its card was left.

use nutkin::{
    contract::{
        plan::Submitted,
        problem::{Code, Problem},
    },
    domain::operation::{Kind, OpState},
    faces::tui::{
        msg::{Effect, Reply, Request},
        overlay::Overlay,
    },
};
use rstest::rstest;

use super::{
    support::{Console, problem},
    world,
};

fn sent(c: &mut Console) -> (u64, Request, String) {
    match c.take(|e| matches!(e, Effect::Submit(..))) {
        Some(Effect::Submit(ask, request, key)) => (ask, *request, key),
        _ => panic!("nothing was sent: {:?}\n{}", c.effects, c.screen()),
    }
}

fn lost(c: &mut Console, ask: u64) {
    c.reply(Reply::Submitted(ask, Err(problem(Code::ManagerUnreachable, "no answer"))));
}

/// A confirmed suspend without an answer; its card is still open.
fn unanswered(size: (u16, u16)) -> (Console, u64, Request, String) {
    let mut s = world::snapshot();
    s.rows.iter_mut().for_each(|r| r.operation = None);
    let mut c = Console::with(s, "dark", size);
    c.settle().press("p").plan(world::plan(Kind::Suspend)).press("y");
    let (ask, request, key) = sent(&mut c);
    lost(&mut c, ask);
    (c, ask, request, key)
}

#[rstest]
#[case::closed("esc")]
#[case::by_the_button("enter")]
fn it_is_asked_for_although_its_card_was_left(#[case] leaves: &str) {
    let (mut c, _, first, key) = unanswered((120, 36));
    c.shows("no answer yet").shows("esc leaves; it is asked for until there is one").press(leaves);
    assert!(c.model.overlays.is_empty());
    c.shows("SUSPEND of payments-dashboard/production was sent; what becomes of it is said here");
    for _ in 0..40 {
        c.rest();
        let (ask, again, same) = sent(&mut c);
        assert_eq!((&again, &same), (&first, &key), "the same act under the same key");
        lost(&mut c, ask);
    }
    c.rest();
    let (ask, ..) = sent(&mut c);
    let op = world::operation(OpState::Running);
    c.reply(Reply::Submitted(ask, Ok(Submitted::Operation(Box::new(op.clone())))));
    c.shows("SUSPEND of payments-dashboard/production was taken up; o shows it");
    assert!(c.model.overlays.is_empty(), "nobody asked for a card");
    assert!(c.model.started.contains(&op.operation_id));
    c.rest();
    assert!(!c.effects.iter().any(|e| matches!(e, Effect::Submit(..))), "it is answered");
}

#[test]
fn a_refusal_after_its_card_was_left_is_said() {
    let (mut c, ask, ..) = unanswered((120, 36));
    c.press("esc");
    let changed = Problem::new(Code::PlanChanged, "the job was restarted meanwhile; nothing was changed");
    c.reply(Reply::Submitted(ask, Err(Box::new(changed.plan(world::plan(Kind::Suspend))))));
    c.shows("SUSPEND of payments-dashboard/production was refused: the job was restarted meanwhile");
    c.effects.clear();
    c.press("q");
    assert_eq!(c.effects, [Effect::Quit], "there is nothing left to say");
}

#[test]
fn an_open_card_goes_on_asking_too() {
    let (mut c, ..) = unanswered((120, 36));
    for tries in 2..40 {
        c.rest().shows(&format!("asking again what became of it (try {tries})"));
        let (ask, ..) = sent(&mut c);
        lost(&mut c, ask);
    }
    assert!(matches!(c.model.overlays[..], [Overlay::Card(_)]));
}

#[test]
fn quitting_says_that_it_may_not_have_happened() {
    for size in [(80, 24), (120, 36)] {
        let (mut c, ..) = unanswered(size);
        c.press("esc q");
        c.shows("No answer yet: this may not have happened. Leaving stops asking.")
            .shows("? SUSPEND of payments-dashboard/production")
            .hides("goes on in the manager");
        assert!(!c.effects.contains(&Effect::Quit));
        c.press("y");
        assert!(c.effects.contains(&Effect::Quit));
        // What the shell shows afterwards.
        assert_eq!(c.model.without_answer().len(), 1);
    }
    // Its card is still open, and something else goes on.
    let mut c = Console::new((80, 24));
    c.settle().press("p").plan(world::plan(Kind::Suspend)).press("y ctrl-c");
    c.shows("No answer yet").shows("This goes on in the manager");
    insta::assert_snapshot!("leave_unanswered_80x24", c.screen());
}
