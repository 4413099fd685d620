use super::ViolationKind::{
    AnsweredUnexecuted, EndedRepeatedly, EndedUnstarted, ExecutedRepeatedly, ExecutedThoughDenied,
    ExecutedUnissued, IssuedRepeatedly, Lost, OkUnfinished,
};
use super::*;
use EventKind::{Cancelled, Finished, Started};

/// What became of the handler, in the ways that do not depend on the client.
const NEVER: &[EventKind] = &[];
const RUNNING: &[EventKind] = &[Started];
const DONE: &[EventKind] = &[Started, Finished];
const DROPPED: &[EventKind] = &[Started, Cancelled];
const TWICE: &[EventKind] = &[Started, Finished, Started, Finished];

#[test]
fn ok_means_executed_once_to_the_end() {
    let told = Outcome::Ok;
    assert_eq!(verdict(told, DONE), []);
    assert_eq!(verdict(told, NEVER), [AnsweredUnexecuted(told)]);
    assert_eq!(verdict(told, RUNNING), [OkUnfinished]);
    assert_eq!(verdict(told, DROPPED), [OkUnfinished]);
    assert_eq!(verdict(told, TWICE), [ExecutedRepeatedly(2)]);
}

#[test]
fn a_status_means_executed_once() {
    let told = Outcome::Status;
    for once in [DONE, DROPPED, RUNNING] {
        assert_eq!(verdict(told, once), []);
    }
    assert_eq!(verdict(told, NEVER), [AnsweredUnexecuted(told)]);
    assert_eq!(verdict(told, TWICE), [ExecutedRepeatedly(2)]);
}

#[test]
fn not_executed_means_never() {
    let told = Outcome::NotExecuted;
    assert_eq!(verdict(told, NEVER), []);
    for once in [DONE, DROPPED, RUNNING] {
        assert_eq!(verdict(told, once), [ExecutedThoughDenied]);
    }
    assert_eq!(
        verdict(told, TWICE),
        [ExecutedRepeatedly(2), ExecutedThoughDenied]
    );
}

#[test]
fn the_uncertain_outcomes_mean_at_most_once() {
    for told in [
        Outcome::Unknown,
        Outcome::Cancelled,
        Outcome::DeadlineExceeded,
    ] {
        for at_most_once in [NEVER, RUNNING, DONE, DROPPED] {
            assert_eq!(verdict(told, at_most_once), []);
        }
        assert_eq!(verdict(told, TWICE), [ExecutedRepeatedly(2)]);
    }
}

#[test]
fn an_idempotent_call_may_run_twice_but_not_where_it_is_said_that_it_did_not() {
    let verdict = |outcome, handler| {
        let idempotent = CallRecord {
            is_idempotent: true,
            ..told(1, outcome)
        };
        kinds(&check(events(1, handler), [idempotent]))
    };
    for told in [Outcome::Ok, Outcome::Status, Outcome::Unknown] {
        assert_eq!(verdict(told, DONE), []);
        assert_eq!(verdict(told, TWICE), []);
    }
    assert_eq!(
        verdict(Outcome::Ok, NEVER),
        [AnsweredUnexecuted(Outcome::Ok)]
    );
    assert_eq!(verdict(Outcome::NotExecuted, NEVER), []);
    assert_eq!(verdict(Outcome::NotExecuted, TWICE), [ExecutedThoughDenied]);
}

#[test]
fn a_call_that_never_ends_is_lost_whether_it_ran_or_not() {
    let silent = CallRecord {
        outcome: None,
        endings: 0,
        ..told(1, Outcome::Ok)
    };
    assert_eq!(kinds(&check([], [silent])), [Lost]);
    assert_eq!(kinds(&check(events(1, DONE), [silent])), [Lost]);
    assert_eq!(
        kinds(&check(events(1, TWICE), [silent])),
        [Lost, ExecutedRepeatedly(2)]
    );
}

#[test]
fn a_call_that_no_client_issued_must_not_run() {
    let report = check(events(2, DONE), [told(1, Outcome::NotExecuted)]);
    let foreign = Violation {
        id: CallId::from(2),
        kind: ExecutedUnissued,
    };
    assert_eq!(report.violations, [foreign]);
}

#[test]
fn a_call_must_not_end_twice() {
    let twice = CallRecord {
        endings: 2,
        ..told(1, Outcome::Ok)
    };
    assert_eq!(
        kinds(&check(events(1, DONE), [twice])),
        [EndedRepeatedly(2)]
    );
}

#[test]
fn an_id_must_not_be_issued_twice() {
    let records = [told(1, Outcome::NotExecuted), told(1, Outcome::NotExecuted)];
    assert_eq!(
        kinds(&check([], records)),
        [IssuedRepeatedly(2), EndedRepeatedly(2)]
    );
}

#[test]
fn a_handler_must_not_end_more_often_than_it_started() {
    let events = events(1, &[Started, Finished, Cancelled]);
    let report = check(events, [told(1, Outcome::Ok)]);
    assert_eq!(kinds(&report), [EndedUnstarted(1)]);
}

#[test]
fn the_counts_add_up_over_several_servers_and_clients() {
    let servers = [events(1, DONE), events(2, DROPPED), events(3, RUNNING)];
    let clients = [
        told(1, Outcome::Ok),
        told(2, Outcome::Cancelled),
        told(3, Outcome::Unknown),
        told(4, Outcome::NotExecuted),
        told(5, Outcome::NotExecuted),
    ];
    let report = check(servers.into_iter().flatten(), clients);
    assert!(report.is_clean(), "{report}");
    assert_eq!(
        (report.issued, report.executions, report.unended_executions),
        (5, 3, 1)
    );
    let counts = Outcome::ALL.map(|outcome| report.outcomes.of(outcome));
    assert_eq!(counts, [1, 0, 2, 1, 1, 0]);
}

#[test]
fn violations_beyond_the_listed_ones_are_still_counted() {
    let count = VIOLATIONS_LISTED_MAX as u128 + 1;
    let report = check((0..count).flat_map(|id| events(id, RUNNING)), []);
    assert_eq!(report.violation_count, count as u64);
    assert_eq!(report.violations.len(), VIOLATIONS_LISTED_MAX);
    assert!(!report.is_clean());
    assert!(report.to_string().ends_with("and 1 more"));
}

#[test]
fn a_printed_violation_names_the_call_and_the_rule() {
    let report = check(events(7, DONE), [told(7, Outcome::NotExecuted)]);
    let printed = report.to_string();
    assert!(
        printed.ends_with(
            "call 00000000000000000000000000000007: ended as NotExecuted, \
             but its handler had started"
        ),
        "{printed}"
    );
}

/// The rules broken when the client is told this and the handler did that.
fn verdict(outcome: Outcome, handler: &[EventKind]) -> Vec<ViolationKind> {
    kinds(&check(events(1, handler), [told(1, outcome)]))
}

fn kinds(report: &Report) -> Vec<ViolationKind> {
    report
        .violations
        .iter()
        .map(|violation| violation.kind)
        .collect()
}

fn events(id: u128, kinds: &[EventKind]) -> Vec<Event> {
    let id = CallId::from(id);
    kinds.iter().map(|kind| Event { id, kind: *kind }).collect()
}

fn told(id: u128, outcome: Outcome) -> CallRecord {
    CallRecord {
        id: CallId::from(id),
        is_idempotent: false,
        outcome: Some(outcome),
        endings: 1,
    }
}
