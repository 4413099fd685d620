//! What a cluster of a few nodes does, over a virtual network.

use std::sync::Arc;
use std::time::Duration;

use rpcnet_proto::swim::{
    Body, Config, Event, MemberState, Message, NodeName, Side, Swim, Update, Verdict, Vote,
};

mod swim_net;

use swim_net::{Net, ms, name, secs};

fn has(net: &Net, slot: usize, event: &Event) -> bool {
    net.events(slot).any(|told| told == event)
}

#[test]
fn a_join_reaches_everybody_within_a_second() {
    let mut net = Net::cluster(1, 32, Config::lan());
    net.start(32, "late", 1);
    net.join(32, &[3]);
    let took = net.run_until(secs(1), |net| net.sees_all(33));
    assert!(took < secs(1));
    for slot in 0..32 {
        assert!(has(&net, slot, &Event::Joined { name: name("late") }));
    }
    assert!(has(&net, 32, &Event::JoinedCluster { via: name("n3") }));
    assert_eq!(net.failures(), 0);
}

#[test]
fn a_cluster_forms_though_all_start_at_once_and_a_seed_is_down() {
    let mut net = Net::new(2, Config::lan());
    for slot in 0..24 {
        net.start(slot, &format!("n{slot}"), 1);
    }
    for slot in 0..24 {
        net.join(slot, &[0, 1, 40]);
    }
    let took = net.run_until(secs(10), |net| net.sees_all(24));
    assert!(took < secs(5), "{took:?}");
}

#[test]
fn a_kill_is_detected_by_all_and_nobody_else_is_doubted_for_long() {
    for (seed, count) in [(1, 3), (2, 8), (3, 32), (4, 64)] {
        let mut net = Net::cluster(seed, count, Config::lan());
        let victim = count / 2;
        let victim_name = format!("n{victim}");
        net.kill(victim);
        let took = net.run_until(secs(30), |net| {
            net.all_think(&victim_name, MemberState::Failed)
        });
        assert!(took < secs(12), "{took:?} for {count}");
        net.run(secs(20));
        assert_eq!(net.failures(), count - 1, "one verdict per node");
        assert!(net.sees_all(count - 1));
    }
}

#[test]
fn a_kill_is_detected_by_all_at_heavy_loss() {
    let mut net = Net::cluster(5, 24, Config::lan());
    net.loss = 100;
    net.run(secs(60));
    assert_eq!(net.failures(), 0, "10 % loss fails nobody");
    net.kill(7);
    net.run_until(secs(40), |net| net.all_think("n7", MemberState::Failed));
    net.run(secs(60));
    assert_eq!(net.failures(), 23);
}

#[test]
fn leaving_is_left_and_not_failed() {
    let mut net = Net::cluster(6, 24, Config::lan());
    net.act(4, Swim::leave);
    net.run(ms(900));
    assert!(net.all_think("n4", MemberState::Left));
    assert!(!has(&net, 4, &Event::Departed));
    net.run(ms(200));
    assert!(has(&net, 4, &Event::Departed));
    assert_eq!(net.swim(4).poll_timeout(), None, "nothing is left to do");
    net.kill(4);
    net.run(secs(30));
    assert_eq!(net.failures(), 0);
    for slot in net.running() {
        let left = net
            .events(slot)
            .filter(|event| matches!(event, Event::Left { .. }));
        assert_eq!(left.count(), 1);
    }
}

#[test]
fn a_lone_node_departs_at_once() {
    let mut net = Net::new(7, Config::lan());
    net.start(0, "alone", 1);
    net.act(0, Swim::leave);
    net.run(ms(1));
    assert!(has(&net, 0, &Event::Departed));
}

#[test]
fn who_left_comes_back_in_a_new_epoch() {
    let mut net = Net::cluster(8, 8, Config::lan());
    net.act(2, Swim::leave);
    net.run(secs(3));
    net.join(2, &[0]);
    net.run_until(secs(2), |net| net.sees_all(8));
    assert_eq!(net.version(5, "n2").epoch, 2);
    for slot in [0, 1, 3, 4, 5, 6, 7] {
        assert!(has(&net, slot, &Event::Joined { name: name("n2") }));
    }
}

/// M-9.
#[test]
fn a_paused_node_refutes_the_doubt_when_it_runs_again() {
    let mut net = Net::cluster(9, 16, Config::lan());
    net.pause(3, ms(2_500));
    net.run(secs(10));
    assert_eq!(net.failures(), 0, "it was back before its suspicion ended");
    assert!(net.sees_all(16));
    assert!(net.version(0, "n3").incarnation >= 1, "it answered");
    assert!(
        net.events(3)
            .any(|event| matches!(event, Event::Refuted { .. }))
    );
    assert!(net.swim(3).counters().pauses >= 1);
}

/// M-22.
#[test]
fn a_node_that_was_paused_for_long_fails_nobody() {
    let mut net = Net::cluster(10, 16, Config::lan());
    for round in 0..6 {
        net.pause(5, secs(8 + round));
        net.run(secs(9 + round));
    }
    net.run(secs(20));
    assert_eq!(
        net.events(5)
            .filter(|event| matches!(event, Event::Failed { .. }))
            .count(),
        0
    );
    net.run_until(secs(10), |net| net.sees_all(16));
}

/// M-4, M-8.
#[test]
fn a_restart_with_a_newer_epoch_beats_every_tombstone() {
    for (epoch, leave) in [(2, false), (2, true), (u64::MAX, false)] {
        let mut net = Net::cluster(11, 8, Config::lan());
        if leave {
            net.act(1, Swim::leave);
            net.run(secs(2));
        }
        net.kill(1);
        net.run(secs(20));
        net.clear_events();
        net.start(1, "n1", epoch);
        net.join(1, &[0]);
        net.run_until(secs(2), |net| net.sees_all(8));
        assert_eq!(net.version(4, "n1").epoch, epoch);
        let expected = if leave {
            Event::Joined { name: name("n1") }
        } else {
            Event::Recovered { name: name("n1") }
        };
        assert!(has(&net, 4, &expected));
        net.run(secs(10));
        assert_eq!(net.failures(), 0);
    }
}

/// M-11.
#[test]
fn a_restart_with_an_older_epoch_goes_beyond_its_earlier_life() {
    let mut net = Net::cluster(12, 8, Config::lan());
    for (slot, epoch) in [(1, 900), (1, 7), (1, 0)] {
        net.kill(slot);
        net.run(ms(700));
        net.start(slot, "n1", epoch);
        net.join(slot, &[0]);
        net.run_until(secs(3), |net| {
            let mine = net.swim(1).record().map(|record| record.version());
            net.running()
                .iter()
                .all(|slot| net.swim(*slot).member(&name("n1")).map(|m| m.version()) == mine)
        });
        assert_eq!(net.state(5, "n1"), Some(MemberState::Alive));
    }
    assert_eq!(net.version(5, "n1").epoch, 902);
}

#[test]
fn a_restart_within_the_detection_time_is_no_failure() {
    let mut net = Net::cluster(13, 16, Config::lan());
    net.kill(4);
    net.run(ms(400));
    net.start(4, "n4", 2);
    net.join(4, &[0]);
    net.run(secs(20));
    assert!(net.sees_all(16));
    assert_eq!(net.failures(), 0);
    assert!(has(&net, 9, &Event::Restarted { name: name("n4") }));
}

/// M-30.
#[test]
fn a_node_that_restarts_without_a_seed_is_found_by_those_that_knew_it() {
    let mut net = Net::cluster(15, 8, Config::lan());
    net.kill(1);
    net.run(ms(400));
    net.start(1, "n1", 2);
    net.run_until(secs(10), |net| net.sees_all(8));
    assert_eq!(net.version(4, "n1").epoch, 2);
    assert_eq!(net.failures(), 0);
}

/// M-30: the one that was restarted has a member, and yet not those that it had.
#[test]
fn two_halves_meet_where_one_took_the_other_for_what_it_was() {
    let mut net = Net::cluster(16, 8, Config::lan());
    for slot in [1, 2] {
        net.kill(slot);
    }
    net.run(ms(200));
    // Together, and apart from the others, until their old lives are pinged.
    net.start(1, "n1", 2);
    net.start(2, "n2", 2);
    net.join(2, &[1]);
    net.run_until(secs(30), |net| net.sees_all(8));
}

#[test]
fn tags_change_and_go_everywhere() {
    let mut net = Net::cluster(14, 24, Config::lan());
    net.loss = 50;
    net.act(3, |swim, now| {
        swim.set_tag(now, "zone", "eu").expect("the tag is legal")
    });
    net.act(3, |swim, now| swim.remove_tag(now, "role"));
    let seen = |net: &Net, slot: usize| {
        let member = net.swim(slot).member(&name("n3")).expect("it is known");
        (
            member.tags().get("zone").is_some(),
            member.tags().get("role").is_none(),
        )
    };
    net.run_until(secs(2), |net| {
        (0..24).all(|slot| seen(net, slot) == (true, true))
    });
    for slot in (0..24).filter(|slot| *slot != 3) {
        assert!(has(&net, slot, &Event::Updated { name: name("n3") }));
    }
    net.act(3, |swim, now| {
        swim.set_tag(now, "zone", "eu").expect("the tag is legal")
    });
    let version = net.version(3, "n3");
    net.run(secs(5));
    assert_eq!(
        net.version(3, "n3"),
        version,
        "nothing changed, nothing is said"
    );
}

#[test]
fn a_node_that_was_cut_off_learns_what_it_missed_by_comparing() {
    let mut net = Net::cluster(15, 8, Config::lan());
    // Gossip is lost; only the streams of the comparison come through.
    net.loss = 1000;
    net.act(1, |swim, now| {
        swim.set_tag(now, "v", "2").expect("the tag is legal")
    });
    let has_it = |net: &Net, slot: usize| {
        net.swim(slot)
            .member(&name("n1"))
            .and_then(|m| m.tags().get("v").map(str::len))
    };
    net.run(secs(95));
    assert!((0..8).all(|slot| has_it(&net, slot) == Some(1)));
    assert_eq!(
        net.failures(),
        0,
        "the stream answers where datagrams do not"
    );
}

#[test]
fn one_way_cuts_fail_nobody_who_is_healthy() {
    let mut net = Net::cluster(16, 16, Config::lan());
    // Node 2 cannot send to half of the others, node 9 hears from none of four.
    for to in 3..9 {
        net.cuts.insert((2, to));
    }
    for from in 10..14 {
        net.cuts.insert((from, 9));
    }
    net.run(secs(180));
    assert_eq!(net.failures(), 0);
}

fn heals(seed: u64, count: usize, cut: Duration, within: Duration) {
    let mut net = Net::cluster(seed, count, Config::lan());
    let left: Vec<usize> = (0..count / 2).collect();
    let right: Vec<usize> = (count / 2..count).collect();
    net.cut(&left, &right);
    net.run(cut);
    let versions: Vec<_> = (0..count)
        .map(|slot| net.version(slot, &format!("n{slot}")))
        .collect();
    net.cuts.clear();
    net.run_until(within, |net| net.sees_all(count));
    for (slot, before) in versions.iter().enumerate() {
        let after = net.version(slot, &format!("n{slot}"));
        assert_eq!(after.epoch, before.epoch, "no node changes its identity");
        let suspected = net
            .events(slot)
            .any(|e| matches!(e, Event::PartitionSuspected(_)));
        let healed = net
            .events(slot)
            .any(|e| matches!(e, Event::PartitionHealed(_)));
        assert_eq!(
            suspected, healed,
            "what was suspected is taken back at {slot}"
        );
        assert!(suspected || cut < secs(10));
    }
    net.run(secs(30));
    net.assert_all_see(count);
}

/// M-33.
#[test]
fn a_partition_heals_by_itself_after_5_seconds() {
    heals(17, 16, secs(5), secs(10));
}

/// M-33.
#[test]
fn a_partition_heals_by_itself_after_2_minutes() {
    heals(18, 48, secs(120), secs(10));
}

/// M-33.
#[test]
fn a_partition_heals_by_itself_after_2_hours() {
    heals(19, 6, secs(7200), secs(10));
    heals(20, 2, secs(7200), secs(10));
}

/// M-35, M-36.
#[test]
fn both_sides_of_a_partition_know_which_they_are() {
    let mut net = Net::cluster(21, 20, Config::lan());
    // More than a quarter, so that it need not be the last one whose doubt counts.
    let small: Vec<usize> = (0..6).collect();
    let large: Vec<usize> = (6..20).collect();
    net.cut(&small, &large);
    net.run(secs(15));
    for slot in 0..20 {
        let expected = if slot < 6 {
            Side::Minority
        } else {
            Side::Majority
        };
        let suspected = net.events(slot).find_map(|event| match event {
            Event::PartitionSuspected(evidence) => Some(*evidence),
            _ => None,
        });
        let evidence = suspected.expect("15 s is stable_after(20) + 2 s");
        assert_eq!(evidence.side, expected, "{slot}: {evidence:?}");
        assert_eq!(evidence.known, 20);
        assert!(evidence.reporters >= 2);
    }
    net.run(secs(40));
    for slot in 0..20 {
        let view = net.swim(slot).quorum();
        let (side, reachable) = if slot < 6 {
            (Side::Minority, 6)
        } else {
            (Side::Majority, 14)
        };
        assert_eq!(
            (view.side, view.known, view.reachable, view.stable),
            (side, 20, reachable, true)
        );
    }
}

#[test]
fn a_node_alone_knows_that_it_is() {
    let mut net = Net::cluster(22, 12, Config::lan());
    let others: Vec<usize> = (1..12).collect();
    net.cut(&[0], &others);
    // stable_after(12) is 10.8 s.
    net.run(ms(12_800));
    assert_eq!(net.swim(0).quorum().side_expected, Side::Minority);
    let suspected =
        |event: &Event| matches!(event, Event::PartitionSuspected(e) if e.side == Side::Minority);
    assert!(net.events(0).any(suspected));
    assert!(
        !net.events(5)
            .any(|event| matches!(event, Event::PartitionSuspected(_)))
    );
}

#[test]
fn single_failures_are_no_partition() {
    let mut net = Net::cluster(23, 16, Config::lan());
    for slot in [3, 7, 11] {
        net.kill(slot);
        net.run(secs(60));
    }
    for slot in net.running() {
        assert!(
            !net.events(slot)
                .any(|event| matches!(event, Event::PartitionSuspected(_)))
        );
        assert_eq!(net.swim(slot).quorum().side, Side::Majority);
    }
}

/// M-35: five would find eleven one by one.
#[test]
fn few_that_are_cut_off_from_many_know_it_within_seconds() {
    let few: Vec<usize> = (0..5).collect();
    let many: Vec<usize> = (5..16).collect();
    for seed in 100..120 {
        let mut net = Net::cluster(seed, 16, Config::lan());
        net.cut(&few, &many);
        net.run(secs(5));
        for slot in 0..16 {
            let view = net.swim(slot).quorum();
            let (side, lost) = if slot < 5 {
                (Side::Minority, many.len())
            } else {
                (Side::Majority, few.len())
            };
            let out_of_reach = view.known - view.reachable + view.suspects;
            assert_eq!(
                (view.side_expected, out_of_reach),
                (side, lost),
                "{seed}: {slot}"
            );
        }
    }
}

/// M-35: the time counts from the first loss, not from the one that makes it likely.
#[test]
fn a_partition_is_suspected_soon_after_it_had_time_to_settle() {
    for seed in 120..140 {
        let mut net = Net::cluster(seed, 16, Config::lan());
        let halves: [Vec<usize>; 2] = [(0..8).collect(), (8..16).collect()];
        let [left, right] = &halves;
        net.cut(left, right);
        // stable_after(16) is 12.04 s.
        net.run(ms(12_000));
        let suspects = |net: &Net, slot| {
            let mut events = net.events(slot);
            events.any(|event| matches!(event, Event::PartitionSuspected(e) if !e.isolated))
        };
        assert!(
            (0..16).all(|slot| !suspects(&net, slot)),
            "{seed}: too early"
        );
        net.run(ms(1_500));
        assert!(
            net.running().iter().all(|slot| suspects(&net, *slot)),
            "{seed}: too late"
        );
    }
}

/// M-36.
#[test]
fn a_fixed_size_makes_the_view_exact() {
    let mut config = Config::lan();
    config.quorum_size = Some(5);
    let mut net = Net::cluster(24, 2, config);
    net.run(secs(1));
    let view = net.swim(0).quorum();
    assert_eq!(
        (view.side, view.known, view.reachable),
        (Side::Minority, 5, 2)
    );
}

/// M-8, M-11.
#[test]
fn two_nodes_of_one_name_are_reported_and_the_newer_epoch_counts() {
    let mut net = Net::cluster(25, 8, Config::lan());
    net.start(20, "n3", 5);
    net.join(20, &[0]);
    net.run(secs(3));
    for slot in [0, 1, 2, 4, 5, 6, 7] {
        let member = net.swim(slot).member(&name("n3")).expect("it is known");
        assert_eq!(member.version().epoch, 5, "at {slot}");
        assert_eq!(member.address(), Net::address(20), "it was proven");
    }
    let yields = |event: &Event| matches!(event, Event::Conflict(c) if c.yields && c.other == Net::address(3));
    assert!(net.events(3).any(yields), "the older one is told");
    // The older one tries again and is refused, and others hear of it.
    net.join(3, &[1]);
    net.run(secs(2));
    let refused = |event: &Event| matches!(event, Event::Conflict(c) if !c.yields && c.other == Net::address(3));
    assert!(net.events(1).any(refused));
    assert_eq!(net.version(5, "n3").epoch, 5, "there is no fight");
    // The newer one dies: the name falls back to who still runs.
    net.kill(20);
    net.run_until(secs(60), |net| {
        net.state(5, "n3") == Some(MemberState::Alive) && net.version(5, "n3").epoch > 5
    });
    net.run(secs(2));
    assert_eq!(
        net.swim(5).member(&name("n3")).expect("known").address(),
        Net::address(3)
    );
}

#[test]
fn a_new_address_is_used_once_it_is_proven() {
    let mut net = Net::cluster(26, 8, Config::lan());
    // The machine of node 2 moves: the process stays, its address is slot 30.
    let moved = net.nodes[2].take();
    net.nodes.resize_with(31, || None);
    net.nodes[30] = moved;
    net.act(30, |swim, now| swim.set_address(now, Net::address(30)));
    net.run(secs(20));
    assert_eq!(net.failures(), 0);
    for slot in net.running() {
        assert_eq!(
            net.swim(slot).member(&name("n2")).expect("known").address(),
            Net::address(30)
        );
    }
}

/// M-34.
#[test]
fn failed_members_are_forgotten_in_the_end() {
    let mut config = Config::lan();
    config.limits.failed_kept = secs(60);
    config.limits.left_kept = secs(30);
    let mut net = Net::cluster(27, 6, config);
    net.kill(1);
    net.act(2, Swim::leave);
    net.run(secs(20));
    net.kill(2);
    assert_eq!(net.state(0, "n1"), Some(MemberState::Failed));
    assert_eq!(net.state(0, "n2"), Some(MemberState::Left));
    net.run(secs(80));
    for slot in net.running() {
        assert_eq!(net.state(slot, "n1"), None);
        assert_eq!(net.state(slot, "n2"), None);
        assert_eq!(net.swim(slot).updates_pending(), 0);
    }
}

/// C6.
#[test]
fn an_idle_cluster_costs_next_to_nothing() {
    for count in [8, 64] {
        let mut net = Net::cluster(28, count, Config::lan());
        net.run(secs(30));
        (net.messages, net.bytes) = (0, 0);
        net.run(secs(120));
        let per = |total: u64| total as f64 / count as f64 / 120.0;
        assert!(per(net.messages) < 6.0);
        assert!(per(net.bytes) < 100.0);
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let history = |seed| {
        let mut net = Net::cluster(seed, 12, Config::lan());
        net.loss = 100;
        net.kill(3);
        net.pause(5, secs(3));
        net.run(secs(30));
        let told: Vec<_> = net
            .running()
            .iter()
            .map(|slot| format!("{:?}", net.events(*slot).collect::<Vec<_>>()))
            .collect();
        (net.messages, net.bytes, told)
    };
    assert_eq!(history(3), history(3));
    assert_ne!(history(3).1, history(4).1);
}

#[test]
fn datagrams_are_small_even_where_records_are_large() {
    let mut net = Net::new(29, Config::lan());
    for slot in 0..12 {
        net.start(slot, &format!("n{slot}"), 1);
        for tag in 0..7 {
            net.act(slot, |swim, now| {
                swim.set_tag(now, &format!("k{tag}"), &"v".repeat(250))
                    .expect("the tag is legal");
            });
        }
        net.join(slot, &[0]);
    }
    net.run_until(secs(10), |net| net.sees_all(12));
    assert!(net.largest.1 <= 1_200, "{:?}", net.largest);
    assert!(net.largest.0 <= 65_536, "{:?}", net.largest);
}

#[test]
fn names_are_what_nodes_are_known_by() {
    let net = Net::cluster(30, 3, Config::lan());
    let mut names: Vec<NodeName> = net.swim(0).members().map(|m| m.name().clone()).collect();
    names.sort();
    assert_eq!(names, [name("n0"), name("n1"), name("n2")]);
}

/// M-9: whatever one member invents about another, the other answers.
#[test]
fn a_liar_has_nobody_removed() {
    let mut net = Net::cluster(31, 16, Config::lan());
    let victim = name("n3");
    for round in 0..600_usize {
        let version = net.version(3, "n3");
        // Every other member is made to seem to doubt the victim, at every node.
        for slot in (1..16).filter(|slot| *slot != 3) {
            let votes = (0..16).filter(|reporter| *reporter != 3).map(|reporter| {
                Update::Vote(Arc::new(Vote {
                    name: victim.clone(),
                    version,
                    verdict: if round % 2 == 0 {
                        Verdict::Suspect
                    } else {
                        Verdict::Failed
                    },
                    reporter: name(&format!("n{reporter}")),
                }))
            });
            let message = Message {
                body: Body::Gossip,
                updates: votes.collect(),
            };
            net.act(slot, |swim, now| {
                swim.handle_message(now, &name("n0"), message)
            });
        }
        net.run(ms(100));
    }
    assert_eq!(net.failures(), 0);
    net.run_until(secs(5), |net| net.sees_all(16));
}
