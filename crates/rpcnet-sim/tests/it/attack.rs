//! A liar does no harm where records are verified, and its harm is seen where they are not.

use std::time::Duration;

use rpcnet_sim::cluster::{Cluster, Plan};
use rpcnet_sim::engine::attacked::Attacked;
use rpcnet_sim::goals::attack::attack;

const LASTS: Duration = Duration::from_secs(40);

#[test]
fn a_liar_harms_nobody_whose_records_are_verified() {
    for seed in 0..3 {
        let mut cluster = Cluster::<Attacked<true>>::new(Plan::new(seed, 16));
        let harm = attack(&mut cluster, LASTS);
        assert_eq!((harm.removed, harm.partitions), (0, 0), "{seed}: {harm:?}");
        assert!(
            cluster.violations().is_empty(),
            "{:?}",
            cluster.violations()
        );
        assert!(harm.said > 10_000, "{harm:?}");
        assert!(harm.answers > 1.0 && harm.answers <= 5.0, "{harm:?}");
    }
}

#[test]
fn records_that_nobody_verifies_are_harm_that_is_seen() {
    let mut cluster = Cluster::<Attacked<false>>::new(Plan::new(1, 16));
    let harm = attack(&mut cluster, LASTS);
    assert!(harm.removed > 0, "{harm:?}");
    assert!(harm.rules > 0, "{harm:?}");
}
