//! Random small clusters hold every rule.

use rpcnet_sim::engine::swim::Core;
use rpcnet_sim::fault;
use rpcnet_sim::scenario::Scenario;

#[test]
fn fifty_random_clusters_hold_every_rule() {
    for seed in 0..50 {
        let nodes = 5 + u32::try_from(seed % 8).expect("small");
        let scenario = Scenario::random(seed, nodes);
        let outcome = scenario.run::<Core>();
        assert!(
            outcome.violations.is_empty(),
            "seed {seed}: {}\nfaults: {}\nreplay: {}",
            outcome.violations[0],
            fault::write(&scenario.faults),
            scenario.shrink::<Core>().replay("rpcnet"),
        );
    }
}

#[test]
fn a_scenario_is_made_smaller_while_it_still_fails() {
    use rpcnet_sim::engine::mutant::{Defect, Mutant};
    const REVIVES: u8 = Defect::Revives as u8;
    let mut scenario = Scenario::named("idle", 3, 5).expect("the scenario exists");
    let faults = "1s tag 2; 3s tag 3; 5s leave 1; 6s crash 4; 7s duplicate 0.1 for 5s; 9s tag 2";
    scenario.faults = fault::read(faults).expect("these are faults");
    let smallest = scenario.shrink::<Mutant<Core, REVIVES>>();
    assert_eq!(fault::write(&smallest.faults), "5s leave 1");
    assert!(smallest.replay("rpcnet").contains("--faults '5s leave 1'"));
}
