//! What is no partition, over a virtual network.

use rpcnet_proto::swim::{Config, Event};

mod swim_net;

use swim_net::{Net, ms, secs};

/// M-35: what does not last is none, however often it comes.
#[test]
fn cuts_that_heal_before_they_have_lasted_are_no_partition() {
    for seed in 140..148 {
        let mut net = Net::cluster(seed, 16, Config::lan());
        net.loss = 20 * (seed - 140);
        for round in 0..12 {
            let few: Vec<usize> = (0..5).map(|n| (n + round * 3) % 16).collect();
            let many: Vec<usize> = (0..16).filter(|slot| !few.contains(slot)).collect();
            net.cut(&few, &many);
            net.run(ms(6_500));
            net.cuts.clear();
            net.run(secs(8));
        }
        for slot in net.running() {
            let is_alarm =
                |event: &&Event| matches!(event, Event::PartitionSuspected(e) if !e.isolated);
            assert_eq!(
                net.events(slot).filter(is_alarm).count(),
                0,
                "{seed}: {slot}"
            );
        }
    }
}

/// M-35.
#[test]
fn a_lossy_network_is_no_partition() {
    for seed in 148..154 {
        let mut net = Net::cluster(seed, 16, Config::lan());
        net.loss = 150;
        net.run(secs(300));
        for slot in net.running() {
            let is_alarm = |event: &Event| matches!(event, Event::PartitionSuspected(_));
            assert!(!net.events(slot).any(is_alarm), "{seed}: {slot}");
        }
    }
}
