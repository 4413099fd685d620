//! What a repetition cost the machine, read from the kernel's counters.

use std::fs;

/// Counters at one moment; two of them make a cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counters {
    datagrams: u64,
    cpu_ticks: u64,
    switches: u64,
    stolen_ticks: u64,
    all_ticks: u64,
}

/// What a call cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// UDP datagrams that the machine sent.
    pub(crate) datagrams: f64,
    /// Microseconds of processor time.
    pub(crate) cpu_us: f64,
    /// Context switches.
    pub(crate) switches: f64,
    /// Of all processor time, the share that went to other machines.
    pub(crate) stolen: f64,
}

/// Memory that this process and one other hold, in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) own: f64,
    pub(crate) other: f64,
}

impl Memory {
    /// What is resident now.
    pub(crate) fn read(other: u32) -> Option<Self> {
        let resident = |process: &str| -> Option<f64> {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            own: resident("self")?,
            other: resident(&other.to_string())?,
        })
    }
}

/// Processor time is counted in these.
const TICKS_PER_SECOND: f64 = 100.0;

impl Counters {
    /// Counters of the machine, of this process and of one other.
    pub(crate) fn read(other: u32) -> Option<Self> {
        let both = ["self", &other.to_string()];
        let sum = |read: fn(&str) -> Option<u64>| -> Option<u64> {
            both.iter().map(|process| read(process)).sum()
        };
        let (stolen_ticks, all_ticks) = machine_ticks()?;
        Some(Self {
            datagrams: datagrams_sent()?,
            cpu_ticks: sum(cpu_ticks)?,
            switches: sum(switches)?,
            stolen_ticks,
            all_ticks,
        })
    }

    /// What so many calls cost since an earlier reading.
    pub(crate) fn per_call_since(self, earlier: Self, calls: u64) -> Cost {
        let calls = calls.max(1) as f64;
        let per_call = |now: u64, then: u64| now.saturating_sub(then) as f64 / calls;
        let all = self.all_ticks.saturating_sub(earlier.all_ticks).max(1);
        let stolen = self.stolen_ticks.saturating_sub(earlier.stolen_ticks);
        Cost {
            datagrams: per_call(self.datagrams, earlier.datagrams),
            cpu_us: per_call(self.cpu_ticks, earlier.cpu_ticks) / TICKS_PER_SECOND * 1e6,
            switches: per_call(self.switches, earlier.switches),
            stolen: stolen as f64 / all as f64,
        }
    }
}

fn datagrams_sent() -> Option<u64> {
    let snmp = fs::read_to_string("/proc/net/snmp").ok()?;
    let mut udp = snmp.lines().filter(|line| line.starts_with("Udp:"));
    let at = udp
        .next()?
        .split_whitespace()
        .position(|field| field == "OutDatagrams")?;
    udp.next()?.split_whitespace().nth(at)?.parse().ok()
}

fn cpu_ticks(process: &str) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in the second field may hold spaces; what follows it does not.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Context switches of all threads, wanted or not.
fn switches(process: &str) -> Option<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let status = fs::read_to_string(thread.ok()?.path().join("status")).ok()?;
        let counts = status
            .lines()
            .filter(|line| line.contains("ctxt_switches:"));
        sum += counts
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .sum::<u64>();
    }
    Some(sum)
}

/// Ticks of the machine that were stolen, and all of them.
fn machine_ticks() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
    Some((*ticks.get(7)?, ticks.iter().take(8).sum()))
}
