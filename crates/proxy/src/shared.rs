//! What the engine thread and the control thread share: commands down, signals up, and counters read in place.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};

use weft_proto::v1;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::tap::Taps;
use crate::tls::Identity;

/// Control → engine. Handled between two batches of events.
pub enum Command {
    Config(Arc<Config>),
    Identity(Arc<Identity>),
    /// R8: refuse nothing yet, a moment later say `Connection: close` and GOAWAY, and end when the last exchange has.
    Drain {
        within_ms: u64,
    },
    /// Answer of a `Signal::Lookup`.
    Resolved {
        name: String,
        addresses: Vec<SocketAddr>,
    },
    /// What each backend's endpoints look like from here, for `/endpoints`.
    DescribeEndpoints(tokio::sync::oneshot::Sender<Vec<EndpointView>>),
    /// What somebody watches from now on; None: nobody does.
    Taps(Option<Taps>),
    Stop,
    /// Stop, because the controller will not have us: what it said, its hint on a line of its own.
    Refused(String),
}

/// Engine → control.
pub enum Signal {
    /// A frontend key under a mesh suffix that no `Config` has; sent once until it is answered or forgotten.
    Want(String),
    /// A passthrough destination "host:port" whose name must be resolved.
    Lookup(String),
    Event(v1::EventRecord),
    /// Frontend keys that were found by name in the last minute: what is not among them is idle.
    Used(Vec<String>),
    /// All listeners are open, and the identity is there where one is to come: the app may start.
    Ready,
    /// The last exchange of a drain ended, or its time is over.
    Drained {
        unfinished: usize,
    },
}

pub type Signals = tokio::sync::mpsc::UnboundedSender<Signal>;

#[derive(Clone)]
pub struct EngineHandle {
    pub commands: mpsc::Sender<Command>,
    pub waker: Arc<mio::Waker>,
}

impl EngineHandle {
    /// False when the engine has ended.
    pub fn send(&self, command: Command) -> bool {
        self.commands.send(command).is_ok() && self.waker.wake().is_ok()
    }
}

/// Shared by both threads for the life of the process.
pub struct Shared {
    pub metrics: Metrics,
    pub recent: Recent,
    pub signals: Signals,
    /// Changes at each start of the process; counters are cumulative within it.
    pub epoch: u64,
    /// True once the engine's listeners are open and it may get traffic.
    pub ready: std::sync::atomic::AtomicBool,
    pub draining: std::sync::atomic::AtomicBool,
}

/// One endpoint as this proxy sees it.
#[derive(Clone, Debug)]
pub struct EndpointView {
    pub backend: String,
    pub workload: String,
    pub address: SocketAddr,
    pub health: &'static str,
    /// "passing", "rejecting", "probing"
    pub state: &'static str,
    pub ejected_because: String,
    pub ejected_for_ms: u64,
    pub pending: u32,
    pub ewma_us: u64,
    pub connections: u32,
}

/// How many finished requests can be asked about (`weft explain ID`): 4,096 × about 300 bytes at most.
pub const RECENT: usize = 4096;

/// The last requests that were refused, failed or retried, by id.
#[derive(Default)]
pub struct Recent(Mutex<VecDeque<Arc<Record>>>);

/// What is known about one finished request: an access log line and the answer to `weft explain ID`.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub unix_ms: u64,
    pub id: String,
    /// "inbound" or "outbound"
    pub side: &'static str,
    pub source: String,
    pub principal: String,
    pub destination: String,
    pub method: String,
    pub host: String,
    pub path: String,
    pub status: u16,
    pub reason: &'static str,
    /// Origin of the rule that decided: route outbound, access inbound.
    pub rule: String,
    pub backend: String,
    pub endpoint: String,
    pub attempts: u32,
    pub duration_us: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub tls: &'static str,
    pub protocol: &'static str,
    pub audited: Vec<String>,
}

impl Recent {
    pub fn push(&self, record: Arc<Record>) {
        let Ok(mut records) = self.0.lock() else { return };
        if records.len() == RECENT {
            records.pop_front();
        }
        records.push_back(record);
    }

    pub fn find(&self, id: &str) -> Vec<Arc<Record>> {
        self.0.lock().map_or_else(|_| Vec::new(), |r| r.iter().filter(|r| r.id == id).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_records_are_found_by_id_and_bounded() {
        let recent = Recent::default();
        for i in 0..RECENT + 10 {
            recent.push(Arc::new(Record { id: i.to_string(), ..Record::default() }));
        }
        assert!(recent.find("9").is_empty(), "the oldest went");
        assert_eq!(recent.find(&(RECENT + 9).to_string()).len(), 1);
    }
}
