//! Hosts on one switch.

use super::error::{NetnsError, NetnsUnavailable};
use super::namespace::Namespace;
use super::rules::Rules;
use super::{stale, tool};
use serde::Deserialize;
use std::net::Ipv4Addr;
use std::process::Command;

/// Hosts that reach each other through a switch of their own; all removed when dropped.
///
/// Processes that still run in there keep their namespace, but not its cable.
#[derive(Debug)]
pub struct Network {
    pub(super) hosts: Vec<Namespace>,
    switch: Namespace,
    rules: Rules,
}

/// The most hosts that a [`Network`] has: what its range of addresses holds.
pub const NODES_MAX: usize = 250;

/// What a host's cable carried since it was made, headers of Ethernet, IP and UDP included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that the host sent, lost ones included.
    pub sent_bytes: u64,
    /// Packets that the host sent, lost ones included.
    pub sent_packets: u64,
    /// Bytes that reached the host.
    pub received_bytes: u64,
    /// Packets that reached the host.
    pub received_packets: u64,
}

impl Network {
    /// Makes a network of `nodes` hosts that loses nothing yet.
    ///
    /// # Errors
    ///
    /// Root, `ip` or `nft` is missing, the kernel lacks a part, or `nodes` exceeds [`NODES_MAX`].
    pub async fn new(nodes: usize) -> Result<Self, NetnsUnavailable> {
        if nodes > NODES_MAX {
            let reason = format!("{nodes} hosts, and the range of addresses holds {NODES_MAX}");
            return Err(NetnsUnavailable::new(reason));
        }
        tool::run(&["nft", "--version"], "").await?;
        stale::sweep().await;
        let switch = Namespace::new("switch").await?;
        switch.ip(SWITCH).await?;
        let rules = Rules::default();
        switch.nft(&rules.for_switch()).await?;
        let mut network = Self {
            hosts: Vec::with_capacity(nodes),
            switch,
            rules,
        };
        for node in 0..nodes {
            network.add(node).await?;
        }
        Ok(network)
    }

    async fn add(&mut self, node: usize) -> Result<(), NetnsError> {
        let host = Namespace::new(&node.to_string()).await?;
        let port = port(node);
        let lines = format!(
            "link add {port} type veth peer name eth0 netns {}\n\
             link set {port} master switch\n\
             link set {port} addrgenmode none\n\
             link set {port} up\n",
            host.name()
        );
        self.switch.ip(&lines).await?;
        // A sendmsg of several datagrams stays several packets: each is lost or not by itself, and
        // counted as what a real cable would carry.
        let lines = format!(
            "link set lo up\n\
             link set eth0 addrgenmode none\n\
             link set eth0 gso_max_segs 1\n\
             link set eth0 up\n\
             addr add {}/24 dev eth0\n",
            address(node)
        );
        host.ip(&lines).await?;
        self.hosts.push(host);
        Ok(())
    }

    /// Returns the address of a host, for one that exists or not.
    #[must_use]
    pub fn address(&self, node: usize) -> Ipv4Addr {
        address(node)
    }

    /// Returns the command that runs `command` on a host; `None` if there is none of this number.
    #[must_use]
    pub fn command(&self, node: usize, command: &Command) -> Option<Command> {
        Some(self.hosts.get(node)?.command(command))
    }

    /// Loses this many of 100 packets of TCP and UDP between hosts from now on, to a tenth.
    ///
    /// # Errors
    ///
    /// What `nft` says; then nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// It may have changed or not; the next change brings it about.
    pub async fn set_loss(&mut self, percent: f64) -> Result<(), NetnsError> {
        self.rules.set_loss(percent);
        self.apply().await
    }

    /// Lets nothing pass between the hosts of one group and those of the other, until
    /// [`heal`](Self::heal).
    ///
    /// # Errors
    ///
    /// As [`set_loss`](Self::set_loss).
    ///
    /// # Cancel safety
    ///
    /// As [`set_loss`](Self::set_loss).
    pub async fn cut(&mut self, these: &[usize], those: &[usize]) -> Result<(), NetnsError> {
        self.rules.cut(ports(these), ports(those));
        self.rules.cut(ports(those), ports(these));
        self.apply().await
    }

    /// Lets nothing pass from the hosts of one group to those of the other; the way back stays open.
    ///
    /// # Errors
    ///
    /// As [`set_loss`](Self::set_loss).
    ///
    /// # Cancel safety
    ///
    /// As [`set_loss`](Self::set_loss).
    pub async fn cut_one_way(&mut self, from: &[usize], to: &[usize]) -> Result<(), NetnsError> {
        self.rules.cut(ports(from), ports(to));
        self.apply().await
    }

    /// Ends all cuts; loss stays, and so does what is unplugged.
    ///
    /// # Errors
    ///
    /// As [`set_loss`](Self::set_loss).
    ///
    /// # Cancel safety
    ///
    /// As [`set_loss`](Self::set_loss).
    pub async fn heal(&mut self) -> Result<(), NetnsError> {
        self.rules.heal();
        self.apply().await
    }

    /// Pulls a host's cable: to the others it is as if it had lost its power.
    ///
    /// # Errors
    ///
    /// There is no such host.
    ///
    /// # Cancel safety
    ///
    /// It may be out or not.
    pub async fn unplug(&mut self, node: usize) -> Result<(), NetnsError> {
        self.switch.ip(&set_link(node, "down")).await
    }

    /// Plugs a host in again.
    ///
    /// # Errors
    ///
    /// There is no such host.
    ///
    /// # Cancel safety
    ///
    /// It may be out or in.
    pub async fn plug(&mut self, node: usize) -> Result<(), NetnsError> {
        self.switch.ip(&set_link(node, "up")).await
    }

    /// Returns what each host's cable carried so far.
    ///
    /// # Errors
    ///
    /// What `ip` says.
    ///
    /// # Cancel safety
    ///
    /// Nothing changes.
    pub async fn traffic(&self) -> Result<Vec<Traffic>, NetnsError> {
        let words = ["ip", "-n", self.switch.name(), "-s", "-j", "link", "show"];
        let output = tool::run(&words, "").await?;
        let unknown = || NetnsError::Output {
            command: words.join(" "),
        };
        let links: Vec<Link> = serde_json::from_str(&output).map_err(|_| unknown())?;
        let of = |node: usize| {
            let name = port(node);
            let link = links.iter().find(|link| link.ifname == name)?;
            Some(link.stats64.seen_from_host())
        };
        let traffic: Option<Vec<Traffic>> = (0..self.hosts.len()).map(of).collect();
        traffic.ok_or_else(unknown)
    }

    async fn apply(&self) -> Result<(), NetnsError> {
        self.switch.nft(&self.rules.for_switch()).await
    }
}

/// The spanning tree protocol is off by default, so a port forwards as soon as it is up. Neighbours are
/// not snooped upon: nothing here is multicast.
const SWITCH: &str = "link add switch type bridge\n\
                      link set switch addrgenmode none\n\
                      link set switch up\n";

fn address(node: usize) -> Ipv4Addr {
    // Below 250, or the network was not made.
    Ipv4Addr::new(10, 99, 0, u8::try_from(node + 1).unwrap_or(u8::MAX))
}

fn port(node: usize) -> String {
    format!("p{node}")
}

fn ports(nodes: &[usize]) -> Vec<String> {
    nodes.iter().copied().map(port).collect()
}

fn set_link(node: usize, state: &str) -> String {
    format!("link set {} {state}\n", port(node))
}

/// An entry of `ip -s -j link`.
#[derive(Deserialize)]
struct Link {
    ifname: String,
    stats64: Stats,
}

#[derive(Deserialize)]
struct Stats {
    rx: Count,
    tx: Count,
}

#[derive(Deserialize)]
struct Count {
    bytes: u64,
    packets: u64,
}

impl Stats {
    /// What the switch receives is what the host sends.
    fn seen_from_host(&self) -> Traffic {
        Traffic {
            sent_bytes: self.rx.bytes,
            sent_packets: self.rx.packets,
            received_bytes: self.tx.bytes,
            received_packets: self.tx.packets,
        }
    }
}
