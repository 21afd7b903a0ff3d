use super::*;
use crate::domain::{
    flink::{CheckpointKind, CheckpointStatus},
    ids::{DeploymentId, JobId},
};
use rstest::rstest;

const fn t(s: i64) -> Timestamp {
    Timestamp::from_millis(s * 1000)
}

fn sp(id: &str, at: i64, origin: Origin, status: Status) -> Savepoint {
    let mut s = Savepoint::new(SavepointId::new(id), DeploymentId::new("d"), origin, status, t(at));
    s.location = Some(format!("file:/sp/{id}"));
    s
}

fn situation(savepoints: &[Savepoint]) -> Situation<'_> {
    Situation {
        deployment: "app/d",
        savepoints,
        armed: None,
        lineage: None,
        live_checkpoint: None,
        progress: Some(t(1_000)),
        flink_version: Some("1.20.5"),
        now: t(1_060),
    }
}

fn state() -> Request {
    Request::Strategy(RestoreStrategy::LatestState)
}

#[test]
fn newest_complete_wins_and_the_others_have_reasons() {
    let list = [
        sp("old", 100, Origin::Suspend, Status::Completed),
        sp("new", 900, Origin::UserRequest, Status::Completed),
        sp("failed", 950, Origin::UserRequest, Status::Failed),
    ];
    let s = situation(&list);
    let advice = choose(&state(), &s);
    assert_eq!(advice.chosen().unwrap().savepoint, Some(SavepointId::new("new")));
    assert_eq!(advice.chosen().unwrap().rewind_seconds, Some(100));
    assert_eq!(advice.why, "newest complete savepoint (USER_REQUEST) of this deployment");
    assert!(advice.why_at(s.now).ends_with("of this deployment, 2m 40s old"), "{}", advice.why_at(s.now));
    let reasons: Vec<_> = advice.candidates[1..].iter().map(|c| c.rejected.clone().unwrap()).collect();
    assert_eq!(reasons, ["it failed", "older than the chosen one"]);
}

#[rstest]
#[case(Status::Unknown)]
#[case(Status::Missing)]
#[case(Status::PendingDeletion)]
#[case(Status::Started)]
fn what_is_not_complete_is_never_chosen(#[case] status: Status) {
    let list = [sp("only", 900, Origin::Suspend, status)];
    let advice = choose(&state(), &situation(&list));
    assert!(advice.chosen().is_none() && advice.refused && !advice.empty);
}

/// What may be found yet is given up by a person only, who is told how much that is.
#[rstest]
#[case(Status::Missing, true)]
#[case(Status::Unknown, true)]
#[case(Status::Failed, false)]
#[case(Status::Deleted, false)]
fn an_older_one_instead_of_one_that_is_astray_needs_an_agreement(
    #[case] status: Status,
    #[case] agreement: bool,
) {
    let list =
        [sp("good", 100, Origin::Suspend, Status::Completed), sp("astray", 900, Origin::Suspend, status)];
    let advice = choose(&state(), &Situation { progress: Some(t(100)), ..situation(&list) });
    assert_eq!(advice.chosen().unwrap().savepoint, Some(SavepointId::new("good")));
    assert_eq!(advice.deviates, agreement);
    if agreement {
        assert!(advice.warning.unwrap().contains("13m 20s of progress is lost"));
    }
}

#[test]
fn savepoints_of_a_newer_flink_and_drained_ones_are_passed_over() {
    let mut newer = sp("newer", 900, Origin::Suspend, Status::Completed);
    newer.flink_version = Some("2.3.0".into());
    let mut drained = sp("drained", 950, Origin::Suspend, Status::Completed);
    drained.drained = true;
    let list = [newer, drained, sp("good", 10, Origin::Suspend, Status::Completed)];
    assert_eq!(
        choose(&state(), &situation(&list)).chosen().unwrap().savepoint,
        Some(SavepointId::new("good"))
    );
}

#[test]
fn latest_savepoint_ignores_checkpoints_and_latest_state_does_not() {
    let list = [
        sp("sp", 100, Origin::Suspend, Status::Completed),
        sp("chk", 900, Origin::RetainedCheckpoint, Status::Completed),
    ];
    let pick =
        |r| choose(&Request::Strategy(r), &situation(&list)).chosen().unwrap().savepoint.clone().unwrap();
    assert_eq!(pick(RestoreStrategy::LatestState).as_str(), "chk");
    assert_eq!(pick(RestoreStrategy::LatestSavepoint).as_str(), "sp");
    assert!(choose(&Request::Strategy(RestoreStrategy::None), &situation(&list)).empty);
}

#[test]
fn a_reset_wins_and_says_what_it_passes_over() {
    let list = [
        sp("old", 100, Origin::UserRequest, Status::Completed),
        sp("new", 900, Origin::Suspend, Status::Completed),
    ];
    let id = SavepointId::new("old");
    let advice = choose(&state(), &Situation { armed: Some(&id), ..situation(&list) });
    assert_eq!(advice.chosen().unwrap().savepoint.as_ref(), Some(&id));
    assert!(advice.warning.unwrap().contains("newer restore point"));
}

/// Entered from elsewhere after the deployment's own one: it can be of any age.
#[rstest]
#[case::its_own_is_usable(Status::Completed, "own", false)]
#[case::only_the_foreign_one_is_left(Status::Missing, "foreign", true)]
fn what_was_imported_is_never_called_the_newest(
    #[case] own: Status,
    #[case] chosen: &str,
    #[case] deviates: bool,
) {
    let list =
        [sp("foreign", 950, Origin::Imported, Status::Completed), sp("own", 900, Origin::Suspend, own)];
    let advice = choose(&state(), &Situation { progress: Some(t(900)), ..situation(&list) });
    assert_eq!(advice.chosen().unwrap().savepoint, Some(SavepointId::new(chosen)));
    assert_eq!(advice.deviates, deviates, "{advice:?}");
    if deviates {
        assert!(advice.why.contains("of unknown age"), "{}", advice.why);
        assert_eq!(advice.chosen().unwrap().rewind_seconds, None);
    } else {
        assert_eq!(advice.candidates[1].rejected.as_deref(), Some("its age is not known"));
    }
    let asked = choose(&Request::This("foreign".into()), &situation(&list));
    assert!(asked.deviates && asked.warning.unwrap().contains("its age is not known"));
    assert_eq!(loss_windows(&list[..1], None), (None, None));
}

#[test]
fn an_imported_one_begins_a_deployment_that_never_ran() {
    let list = [sp("foreign", 950, Origin::Imported, Status::Completed)];
    let advice = choose(&state(), &Situation { progress: None, ..situation(&list) });
    assert!(advice.chosen().is_some() && !advice.deviates && advice.warning.is_none());
}

#[test]
fn a_live_checkpoint_counts_only_when_it_is_retained() {
    let stat = CheckpointStat {
        id: 7,
        status: CheckpointStatus::Completed,
        kind: CheckpointKind::Checkpoint,
        triggered_at: t(990),
        acked_at: None,
        duration_ms: None,
        size: None,
        path: Some("file:/c/chk-7".into()),
        discarded: false,
        failure: None,
    };
    let list = [sp("sp", 100, Origin::Suspend, Status::Completed)];
    let live = |retained| Some(LiveCheckpoint { stat: &stat, retained });
    let with = |list: &[Savepoint], retained| {
        choose(&state(), &Situation { live_checkpoint: live(retained), ..situation(list) })
    };
    assert_eq!(with(&list, Some(true)).chosen().unwrap().savepoint, None);
    for not_sure in [Some(false), None] {
        assert_eq!(with(&list, not_sure).chosen().unwrap().savepoint, Some(SavepointId::new("sp")));
        assert_eq!(loss_windows(&list, live(not_sure)), (Some(t(990)), Some(t(100))));
    }
    let unread = with(&[], None);
    assert!(unread.refused && !unread.empty, "what has not been read is no reason to begin empty");
    assert!(unread.why.ends_with("has not been read yet"), "{}", unread.why);
}

#[test]
fn asking_for_something_else_is_refused_with_words() {
    let list = [sp("sp", 100, Origin::Suspend, Status::Completed)];
    let advice = choose(&Request::This("file:/elsewhere".into()), &situation(&list));
    assert!(advice.refused && advice.why.contains("not a restore point of app/d"));
    assert!(advice.chosen().is_none(), "nothing else is taken instead");
    let advice = choose(&Request::This("file:///sp/sp/".into()), &situation(&list));
    assert_eq!(advice.chosen().unwrap().savepoint, Some(SavepointId::new("sp")));
}

/// The newest state is gone: what comes after the newest snapshot that is left is named, and a person agrees to it.
#[rstest]
#[case::its_checkpoint_died_with_the_job(None, "no snapshot of it is left")]
#[case::its_savepoint_failed_to_be_deleted(Some(Status::FailedDeletion), "its deletion failed")]
fn progress_that_no_snapshot_holds_is_named(#[case] newer: Option<Status>, #[case] why: &str) {
    let mut list = vec![sp("old", 100, Origin::UserRequest, Status::Completed)];
    list.extend(newer.map(|status| sp("newer", 1_000, Origin::Suspend, status)));
    for request in [state(), Request::This("old".into())] {
        let advice = choose(&request, &situation(&list));
        assert_eq!(advice.chosen().unwrap().savepoint, Some(SavepointId::new("old")));
        let warning = advice.warning.unwrap();
        assert!(advice.deviates && warning.contains("15m") && warning.contains(why), "{warning}");
    }
    let by_setting = choose(&Request::Strategy(RestoreStrategy::LatestSavepoint), &situation(&list));
    assert!(!by_setting.deviates, "checkpoints are passed over on purpose");
}

/// I4: a deployment that had come some way does not begin empty unless somebody agrees.
#[rstest]
#[case::never_ran(None, false)]
#[case::its_checkpoints_are_gone(Some(t(900)), true)]
fn beginning_empty_gives_up_what_was_computed(#[case] progress: Option<Timestamp>, #[case] agreement: bool) {
    let s = Situation { progress, ..situation(&[]) };
    for request in [state(), Request::Strategy(RestoreStrategy::None)] {
        let advice = choose(&request, &s);
        assert!(advice.empty && !advice.refused);
        assert_eq!(advice.deviates, agreement, "{request:?}");
    }
    assert_eq!(choose(&state(), &s).warning.is_some(), agreement);
}

/// Younger by the clock and of another branch: the state that the deployment has gone on with is the one before.
#[test]
fn a_branch_that_was_left_is_used_by_name_only() {
    let of = |id: &str, at, job: &str| Savepoint {
        job: Some(JobId::new(job)),
        ..sp(id, at, Origin::Suspend, Status::Completed)
    };
    let list = [of("rich", 100, "a"), of("poor", 900, "b")];
    let origins: Origins =
        [("b", None), ("c", list[0].location.clone())].map(|(j, o)| (JobId::new(j), o)).into();
    let lineage = Lineage::of(&JobId::new("c"), &origins, &list).unwrap();
    let s = Situation { lineage: Some(&lineage), progress: Some(t(100)), ..situation(&list) };
    let advice = choose(&state(), &s);
    assert_eq!(advice.chosen().unwrap().savepoint, Some(SavepointId::new("rich")));
    assert!(!advice.deviates, "{advice:?}");
    assert_eq!(advice.candidates[1].rejected.as_deref(), Some("of a history that the deployment has left"));
    let named = choose(&Request::This("poor".into()), &s);
    assert_eq!(named.chosen().unwrap().rewind_seconds, None, "nobody can count across branches");
    assert!(named.deviates && named.warning.unwrap().contains("has left"));
    let only = [of("poor", 900, "b")];
    let advice = choose(&state(), &Situation { savepoints: &only, ..s });
    assert!(advice.refused && !advice.empty, "a person chooses: {advice:?}");
}
