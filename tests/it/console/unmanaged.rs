//! Live jobs that stand under no deployment: whose they are, and what can be done about them.

use nutkin::domain::operation::Kind;
use rstest::rstest;

use super::{support::Console, world};

fn console(management: &str, deployment: Option<&str>, size: (u16, u16)) -> Console {
    let mut s = world::snapshot();
    (s.unmanaged[0].management, s.unmanaged[0].deployment) =
        (management.into(), deployment.map(str::to_owned));
    let mut c = Console::with(s, "dark", size);
    c.settle().press("1 G").settle();
    c
}

#[rstest]
#[case::by_hand("unmanaged", None, &["Somebody started this job by hand", "a takes it over"])]
#[case::stray("stray", Some(world::PROD), &["started for payments-dashboard/production", "cannot be adopted"])]
#[case::elsewhere("another nutkin 01020304", None, &["Another nutkin manages this job", "Take over"])]
fn a_job_says_whose_it_is(
    #[case] management: &str,
    #[case] deployment: Option<&str>,
    #[case] says: &[&str],
    #[values((80, 24), (120, 36))] size: (u16, u16),
) {
    let mut c = console(management, deployment, size);
    c.press("0 z");
    for words in says {
        c.shows(words);
    }
    if management != "unmanaged" {
        c.hides("by hand");
    }
}

#[test]
fn a_job_that_was_started_for_a_deployment_is_not_adopted() {
    let mut c = console("stray", Some(world::PROD), (120, 36));
    c.press("a").shows("adopt: this job was started for payments-dashboard/production");
    assert!(c.model.overlays.is_empty());
    c.press("v").shows("this job is stray").hides("nobody manages");
}

#[test]
fn the_card_that_adopts_names_the_job_by_its_name() {
    let title = "Adopt Click Stream Enrichment (…7a8f9012) on eu-west-1";
    let mut c = console("unmanaged", None, (80, 24));
    c.press("a").shows(title).plan(world::plan(Kind::Adopt)).shows(title);
}
