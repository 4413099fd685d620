//! Every rule can be broken, and the checker sees it.

use rpcnet_sim::engine::mutant::{Defect, Mutant};
use rpcnet_sim::engine::swim::Core;
use rpcnet_sim::fault;
use rpcnet_sim::invariant::Rule;
use rpcnet_sim::scenario::Scenario;

/// The rules that a mutant breaks in a cluster of five to which `faults` happen.
fn broken<const DEFECT: u8>(faults: &str) -> Vec<Rule> {
    let mut scenario = Scenario::named("idle", 3, 5).expect("the scenario exists");
    scenario.faults = fault::read(faults).expect("these are faults");
    let outcome = scenario.run::<Mutant<Core, DEFECT>>();
    let rules = outcome.violations.iter().map(|violation| violation.rule);
    rules.collect()
}

#[test]
fn a_sound_engine_breaks_no_rule() {
    const SOUND: u8 = Defect::None as u8;
    let faults = "5s tag 1; 8s crash 2; 15s leave 1; 40s restart 2; 60s restart 1";
    assert_eq!(broken::<SOUND>(faults), []);
}

#[test]
fn a_row_that_goes_backwards_is_seen() {
    const BACK: u8 = Defect::StepsBack as u8;
    assert!(broken::<BACK>("5s tag 1").contains(&Rule::Backwards));
}

#[test]
fn an_incarnation_raised_by_another_is_seen() {
    const RAISES: u8 = Defect::RaisesOthers as u8;
    assert!(broken::<RAISES>("5s tag 1").contains(&Rule::Incarnation));
}

#[test]
fn a_tag_version_raised_by_another_is_seen() {
    const TAGS: u8 = Defect::TagsOthers as u8;
    assert!(broken::<TAGS>("5s tag 1").contains(&Rule::Tag));
}

#[test]
fn a_goodbye_that_was_never_said_is_seen() {
    const INVENTS: u8 = Defect::InventsGoodbyes as u8;
    assert!(broken::<INVENTS>("5s crash 1").contains(&Rule::Left));
}

#[test]
fn a_goodbye_that_is_undone_is_seen() {
    const REVIVES: u8 = Defect::Revives as u8;
    assert!(broken::<REVIVES>("5s leave 1").contains(&Rule::Left));
}

#[test]
fn a_healthy_node_that_is_said_to_have_failed_is_seen() {
    const SLANDERS: u8 = Defect::Slanders as u8;
    assert!(broken::<SLANDERS>("5s tag 1").contains(&Rule::FalseFailure));
}

#[test]
fn a_member_that_is_forgotten_is_seen() {
    const FORGETS: u8 = Defect::Forgets as u8;
    assert!(broken::<FORGETS>("5s tag 1").contains(&Rule::Forgotten));
}

#[test]
fn a_view_that_is_old_when_all_is_quiet_is_seen() {
    const IGNORES: u8 = Defect::Ignores as u8;
    assert_eq!(broken::<IGNORES>("30s tag 1"), [Rule::Settled]);
}

#[test]
fn a_timer_that_does_not_advance_is_seen() {
    const SPINS: u8 = Defect::Spins as u8;
    assert!(broken::<SPINS>("5s tag 1").contains(&Rule::Timer));
}
