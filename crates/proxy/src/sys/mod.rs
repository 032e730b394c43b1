//! What only one operating system offers, behind one interface: everything else in this crate is portable.
//!
//! `linux` uses sock_diag, cgroup v2, /proc and prctl; `portable` is what the other systems get, and what it costs is
//! said at each function. Read `linux/sock_diag.rs` first: it decides whose connection the outbound side serves.

use std::time::Duration;

#[cfg(target_os = "linux")]
mod linux;
// Compiled in tests too, so that it cannot rot on the machines where it is not used.
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code))]
mod portable;

#[cfg(target_os = "linux")]
use linux as imp;
#[cfg(not(target_os = "linux"))]
use portable as imp;

pub use imp::{
    Compartment, RECEIVE_CLOSED_ON_EXEC, SockDiag, adopt_orphans, drop_privileges, give_up_on_silence, holder, ignores,
    keep_alive, own_binary,
};

/// After how long an idle connection is asked whether its peer is still there, how often, and how many silences end it.
pub const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(15);
pub const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(5);
pub const KEEP_ALIVE_PROBES: u32 = 3;
/// Longer than a switch or a router needs to find another way, shorter than most callers wait.
pub const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// Who holds the other end of a connection on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    /// Id of the cgroup v2 that its process was in when it made the socket; `None` where the kernel has no such thing.
    pub cgroup: Option<u64>,
    pub inode: u32,
}

/// What the supervised app looks like to `SockDiag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppIdentity {
    pub uid: u32,
    /// `None`: it has none of its own, so every process of this uid counts as the app.
    pub cgroup: Option<u64>,
}

impl AppIdentity {
    pub fn new(uid: u32, compartment: Option<&Compartment>) -> AppIdentity {
        AppIdentity { uid, cgroup: compartment.map(Compartment::id) }
    }

    pub fn owns(&self, owner: &Owner) -> bool {
        owner.uid == self.uid && (self.cgroup.is_none() || self.cgroup == owner.cgroup)
    }
}

/// The process that listens on an address which we wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub pid: u32,
    pub name: String,
}

/// As whom, and as whose child, a program is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// uid and gid; `None`: as we are.
    pub user: Option<(u32, u32)>,
    /// The process whose death ends the program.
    pub parent: u32,
}

#[cfg(test)]
mod tests;
