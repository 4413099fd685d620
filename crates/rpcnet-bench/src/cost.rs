//! What a repetition cost the machine, read from the kernel's counters.

use std::fs;

/// Counters at one moment; two of them make a cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counters {
    datagrams: u64,
    cpu_ticks: u64,
}

/// Processor time is counted in these.
const TICKS_PER_SECOND: f64 = 100.0;

impl Counters {
    /// Datagrams of the machine, processor time of this process and of one other.
    pub(crate) fn read(server: u32) -> Option<Self> {
        let ticks = cpu_ticks("self")? + cpu_ticks(&server.to_string())?;
        Some(Self {
            datagrams: datagrams_sent()?,
            cpu_ticks: ticks,
        })
    }

    /// Datagrams and microseconds of processor time since an earlier reading, per call.
    pub(crate) fn per_call_since(self, earlier: Self, calls: u64) -> (f64, f64) {
        let calls = calls.max(1) as f64;
        let cpu_seconds = (self.cpu_ticks - earlier.cpu_ticks) as f64 / TICKS_PER_SECOND;
        (
            (self.datagrams - earlier.datagrams) as f64 / calls,
            cpu_seconds * 1e6 / calls,
        )
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
