//! What a switch or a loopback does to packets, as a script of `nft`.

use std::fmt::Write;

/// Loss and cuts. Whatever is changed, the whole is written anew, and the kernel takes it in one step.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Of 1,000 packets of TCP or UDP, how many are lost.
    loss: u32,
    /// From whom to whom nothing passes.
    cuts: Vec<(Vec<String>, Vec<String>)>,
}

impl Rules {
    pub(super) fn set_loss(&mut self, percent: f64) {
        // Not a number is no loss.
        self.loss = (percent.clamp(0.0, 100.0) * 10.0).round() as u32;
    }

    /// Lets no IP packet pass that comes in by one of `from` and is to go out by one of `to`. Address
    /// resolution passes: hosts behind a router that is cut off do not lose their neighbours.
    pub(super) fn cut(&mut self, from: Vec<String>, to: Vec<String>) {
        if !from.is_empty() && !to.is_empty() {
            self.cuts.push((from, to));
        }
    }

    pub(super) fn heal(&mut self) {
        self.cuts.clear();
    }

    /// For the frames that pass a switch.
    pub(super) fn for_switch(&self) -> String {
        let mut rules = String::new();
        for (from, to) in &self.cuts {
            let (from, to) = (from.join(", "), to.join(", "));
            // Writing to a string does not fail.
            let _ = writeln!(
                rules,
                "ether type ip iifname {{ {from} }} oifname {{ {to} }} drop"
            );
        }
        if self.loss > 0 {
            let _ = writeln!(
                rules,
                "ether type ip meta l4proto {{ tcp, udp }} {}",
                losing(self.loss)
            );
        }
        table("bridge", "forward", &rules)
    }

    /// For what a host sends to itself.
    pub(super) fn for_loopback(&self) -> String {
        let rules = match self.loss {
            0 => String::new(),
            loss => format!("iifname lo meta l4proto {{ tcp, udp }} {}\n", losing(loss)),
        };
        table("inet", "input", &rules)
    }
}

/// `nft` takes no comparison that always holds.
fn losing(permille: u32) -> String {
    match permille {
        1_000.. => "drop".to_owned(),
        _ => format!("numgen random mod 1000 < {permille} drop"),
    }
}

/// Deleting what is not there is an error, so it is made first.
fn table(family: &str, hook: &str, rules: &str) -> String {
    format!(
        "table {family} rpcnet\n\
         delete table {family} rpcnet\n\
         table {family} rpcnet {{\n\
         chain impair {{\n\
         type filter hook {hook} priority 0;\n\
         {rules}}}\n\
         }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_are_healed_are_gone_and_the_loss_stays() {
        let mut rules = Rules::default();
        rules.set_loss(5.0);
        rules.cut(vec!["p0".into(), "p1".into()], vec!["p2".into()]);
        let cut = rules.for_switch();
        assert!(cut.contains("iifname { p0, p1 } oifname { p2 } drop"));
        assert!(cut.contains("mod 1000 < 50 drop"));
        rules.heal();
        let healed = rules.for_switch();
        assert!(!healed.contains("iifname"));
        assert!(healed.contains("mod 1000 < 50 drop"));
    }

    #[test]
    fn a_group_of_nobody_cuts_nobody() {
        let mut rules = Rules::default();
        rules.cut(Vec::new(), vec!["p2".into()]);
        assert!(!rules.for_switch().contains("drop"));
    }

    #[test]
    fn a_share_that_makes_no_sense_is_brought_into_its_range() {
        for (percent, permille) in [(f64::NAN, 0), (-1.0, 0), (0.1, 1), (250.0, 1000)] {
            let mut rules = Rules::default();
            rules.set_loss(percent);
            assert_eq!(rules.loss, permille, "{percent}");
        }
    }
}
