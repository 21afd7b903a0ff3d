//! The key that leads to what waits for a person: the one in sight first, then the next one.

use nutkin::{
    contract::{model::Operation, problem::Code},
    domain::operation::OpState,
    faces::tui::{
        msg::{Effect, Msg, Reply},
        overlay::Overlay,
    },
};
use rstest::rstest;

use super::{
    support::{Console, problem},
    world::{self, PROD, STAGING},
};

const FRAUD: &str = "fraud-detection/live";

/// The operation that waits on a deployment.
fn waiting(deployment: &str) -> Operation {
    let mut op = world::waiting();
    op.operation_id = format!("op-of-{deployment}");
    op.deployment = deployment.into();
    op
}

/// A console on a world where these wait; their operations are not known.
fn console(deployments: &[&str]) -> Console {
    let mut s = world::snapshot();
    s.totals.needs_attention = 2;
    for r in s.rows.iter_mut().filter(|r| deployments.contains(&r.deployment.as_str())) {
        (r.needs_attention, r.operation) = (true, Some("SUSPEND 2/3".into()));
    }
    s.rows.sort_by(|a, b| a.deployment.cmp(&b.deployment));
    let mut c = Console::with(s, "dark", (120, 36));
    c.settle();
    c
}

fn card(c: &Console) -> Option<&str> {
    match c.model.overlays.last() {
        Some(Overlay::Operation(o)) => Some(&o.id),
        _ => None,
    }
}

/// The keys from the first application and its first deployment, and where the key then leads.
#[rstest]
#[case::the_one_in_sight("1", PROD)]
#[case::the_second_one_in_sight("2 down", STAGING)]
#[case::the_next_one_from_elsewhere("1 down", FRAUD)]
fn the_card_that_the_banner_promises_is_opened(#[case] keys: &str, #[case] leads_to: &str) {
    let known = [PROD, STAGING, FRAUD];
    let mut c = console(&known);
    c.press(keys).settle();
    c.reply(Reply::Operations(Ok(known.map(waiting).into())));
    c.press("!").settle();
    assert_eq!(card(&c), Some(&*waiting(leads_to).operation_id), "{}", c.screen());
    assert_eq!(c.model.home.deployment(), Some(leads_to));
}

#[test]
fn after_what_does_not_wait_comes_the_next_one_that_does() {
    let mut c = console(&[FRAUD, STAGING]);
    assert_eq!(c.model.home.deployment(), Some(PROD));
    c.press("!");
    assert_eq!(c.model.home.deployment(), Some(STAGING), "not the first by name");
    // From the last one it begins anew.
    let mut c = console(&[FRAUD]);
    c.press("!");
    assert_eq!(c.model.home.deployment(), Some(FRAUD));
}

#[test]
fn another_ones_card_never_opens_in_its_place() {
    let mut c = console(&[PROD, FRAUD]);
    c.reply(Reply::Operations(Ok(vec![waiting(FRAUD)])));
    c.press("!");
    assert_eq!((card(&c), c.model.home.deployment()), (None, Some(PROD)));
    // It is asked for until it is there.
    let asked = |c: &mut Console| c.take(|e| matches!(e, Effect::LoadOperations)).is_some();
    assert!(asked(&mut c));
    c.reply(Reply::Operations(Err(problem(Code::TimedOut, "busy"))));
    c.wait(5_000);
    assert!(asked(&mut c));
    c.reply(Reply::Operations(Ok(vec![waiting(PROD)])));
    assert_eq!(card(&c), Some(&*waiting(PROD).operation_id));
}

#[test]
fn who_has_gone_elsewhere_meanwhile_gets_no_card() {
    let mut c = console(&[PROD, STAGING]);
    c.press("! 2 down");
    c.reply(Reply::Operations(Ok(vec![waiting(PROD), waiting(STAGING)])));
    assert_eq!(card(&c), None);
    // Nor does one come when nothing waits any more.
    let mut c = console(&[PROD]);
    c.press("!").send(Msg::Snapshot(Box::new(world::snapshot())));
    c.reply(Reply::Operation("op".into(), Ok(Box::new(waiting(PROD)))));
    assert_eq!(card(&c), None);
}

#[test]
fn what_waits_beyond_the_known_rows_is_opened_all_the_same() {
    let mut s = world::snapshot();
    s.totals.needs_attention = 1;
    let mut c = Console::with(s, "dark", (120, 36));
    c.settle().press("!");
    let mut other = waiting("elsewhere/live");
    other.state = OpState::NeedsAttention;
    c.reply(Reply::Operations(Ok(vec![other.clone()])));
    assert_eq!(card(&c), Some(&*other.operation_id));
}
