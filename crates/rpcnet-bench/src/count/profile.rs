//! What callgrind writes.

use std::collections::HashMap;

use crate::runner::Error;

/// How many instructions ran, and how often each function was called.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) instructions: u64,
    calls: HashMap<String, u64>,
}

impl Profile {
    /// Reads a profile whose names are not abbreviated.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let mut instructions = None;
        let mut calls: HashMap<String, u64> = HashMap::new();
        let mut callee = "";
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("cfn=") {
                callee = name;
            } else if let Some(count) = line.strip_prefix("calls=") {
                let count = count.split_whitespace().next().unwrap_or_default();
                *calls.entry(callee.to_owned()).or_default() += count.parse::<u64>()?;
            } else if let Some(total) = line.strip_prefix("totals: ") {
                instructions = Some(total.trim().parse()?);
            }
        }
        let instructions = instructions.ok_or("callgrind wrote no totals")?;
        Ok(Self {
            instructions,
            calls,
        })
    }

    /// How often functions were called whose names begin so, after the underscores that mark
    /// the variants for one processor or another.
    pub(super) fn calls_of(&self, names: &[&str]) -> u64 {
        let is_meant = |name: &str| {
            let name = name.trim_start_matches('_');
            names.iter().any(|it| {
                let rest = name.strip_prefix(it);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '@', '\'']))
            })
        };
        let meant = self.calls.iter().filter(|(name, _)| is_meant(name));
        meant.map(|(_, count)| count).sum()
    }
}
