//! The control side: one thread that talks to the controller, the app's health and people, and never to traffic.
//!
//! Its one abstraction is the [`Hub`](hub::Hub): what was told to the engine and what happened, watched by tasks that
//! each do one thing (`ads`, `identity`, `registration`, `health`, `telemetry`, `tap`, `persist`, `crate::admin`). What is
//! decided lies apart from what is done: `delivery`, `subscriptions`, `renewal` and `backoff` are pure. Read `delivery`
//! first.

mod ads;
mod backoff;
mod channel;
mod delivery;
mod health;
pub mod hub;
mod identity;
mod join;
mod kind;
pub mod log;
mod persist;
mod probe;
mod registration;
mod renewal;
pub mod state;
mod subscriptions;
mod tap;
mod tasks;
mod telemetry;
#[cfg(test)]
pub mod testing;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;
use weft_proto::v1;

use crate::config::Config;
use crate::shared::{EngineHandle, Shared, Signal};
use crate::tls::{Identity, TlsError};

use hub::Hub;
use state::StateDir;
use tasks::Tasks;

/// For the controller to take the last report. It is on this machine or near, or it is away; an end must not wait.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What the control side begins with.
pub struct Start {
    pub launch: v1::Launch,
    /// Addresses of the inbound listeners as they are bound, in the launch's order.
    pub listening: Vec<SocketAddr>,
    pub shared: Arc<Shared>,
    pub engine: EngineHandle,
    /// Of `--program FILE`; else empty: the state directory's is taken if there is one.
    pub config: Arc<Config>,
    /// From the launch's files, see [`identity_from_files`].
    pub identity: Option<Identity>,
    /// Bound already, so that a port in use is an error at the start; None: no admin listener.
    pub admin: Option<std::net::TcpListener>,
}

/// The running control side.
pub struct Control {
    pub thread: thread::JoinHandle<()>,
    orders: Orders,
}

/// What the control side is told, by any thread.
#[derive(Clone)]
pub struct Orders(mpsc::UnboundedSender<Order>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Drain { within_ms: u64 },
    Stop,
}

impl Orders {
    /// R8: out of rotation at the controller and at `/ready`, then the engine drains. `Signal::Drained` ends it.
    pub fn drain(&self, within_ms: u64) {
        let _ = self.0.send(Order::Drain { within_ms });
    }

    /// Ends the thread, once the controller has the last report or time is over.
    fn stop(&self) {
        let _ = self.0.send(Order::Stop);
    }
}

impl Control {
    pub fn orders(&self) -> Orders {
        self.orders.clone()
    }

    /// After the engine's end: what it counted to the last is told, as far as there is somebody to tell.
    pub fn finish(self) -> thread::Result<()> {
        self.orders.stop();
        self.thread.join()
    }
}

/// Key, certificate and bundle that the launch names as files; None: it names none.
pub fn identity_from_files(launch: &v1::Launch) -> Option<Result<Identity, TlsError>> {
    identity::from_files(launch)
}

pub fn start(start: Start, signals: mpsc::UnboundedReceiver<Signal>) -> std::io::Result<Control> {
    let (orders, incoming) = mpsc::unbounded_channel();
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => {
                runtime.block_on(run(start, signals, incoming));
                // A name that is being looked up, or a slow disk, holds nobody up.
                runtime.shutdown_background();
            }
            Err(e) => log::warn(&format!("the control side cannot start: {e}")),
        }
    };
    let thread = thread::Builder::new().name("weft-control".into()).spawn(body)?;
    Ok(Control { thread, orders: Orders(orders) })
}

async fn run(
    mut start: Start,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let (admin, identity) = (start.admin.take(), start.identity.take());
    let state = open_state(&start.launch);
    let hub = Arc::new(Hub::new(start, state));
    if let Some(identity) = identity {
        hub.push_identity(identity);
    }
    persist::restore(&hub);
    let mut tasks = Tasks::new(hub.clone(), admin);
    tasks.spawn();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Drain { within_ms }) => hub.drain(within_ms),
                Some(Order::Stop) | None => {
                    while let Ok(signal) = signals.try_recv() {
                        tasks.signal(signal);
                    }
                    let _ = tokio::time::timeout(LAST_WORDS, tasks.finish()).await;
                    return;
                }
            },
            Some(signal) = signals.recv() => tasks.signal(signal),
            Some(ended) = tasks.set.join_next() => if let Err(e) = ended {
                tasks.restart(&e).await;
            },
        }
    }
}

fn open_state(launch: &v1::Launch) -> Option<StateDir> {
    if launch.state_dir.is_empty() {
        return None;
    }
    let opened = StateDir::open(std::path::Path::new(&launch.state_dir));
    opened.inspect_err(|e| log::warn(&format!("{}: {e}; nothing will be kept for a restart", launch.state_dir))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Command;

    #[test]
    fn orders_reach_the_engine_and_stop_ends_the_thread() {
        let (start_with, engine) = testing::start(testing::launch());
        let (_signals, incoming) = mpsc::unbounded_channel();
        let control = start(start_with, incoming).unwrap();
        control.orders().drain(3);
        let told = engine.commands.recv_timeout(Duration::from_secs(10));
        assert!(matches!(told, Ok(Command::Drain { within_ms: 3 })));
        control.finish().unwrap();
    }

    #[test]
    fn nobody_left_to_order_ends_the_thread() {
        let (start_with, _engine) = testing::start(testing::launch());
        let (_signals, incoming) = mpsc::unbounded_channel();
        let Control { thread, orders } = start(start_with, incoming).unwrap();
        drop(orders);
        thread.join().unwrap();
    }

    #[test]
    fn a_state_directory_that_cannot_be_is_done_without() {
        let file = std::env::current_exe().unwrap();
        let below = file.join("state");
        for dir in ["", below.to_str().unwrap()] {
            assert!(open_state(&v1::Launch { state_dir: dir.into(), ..testing::launch() }).is_none(), "{dir:?}");
        }
    }
}
