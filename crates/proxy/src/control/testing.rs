//! A hub without an engine: what the engine would be told can be read.

use std::sync::{Arc, mpsc};

use weft_proto::v1;

use super::Start;
use super::hub::Hub;
use super::state::StateDir;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::shared::{Command, EngineHandle, Recent, Shared, Signal};

pub struct Kit {
    pub hub: Arc<Hub>,
    pub engine: Engine,
}

/// The other end of an `EngineHandle`.
pub struct Engine {
    pub commands: mpsc::Receiver<Command>,
    _poll: mio::Poll,
    _signals: tokio::sync::mpsc::UnboundedReceiver<Signal>,
}

/// Of workload "n/w".
pub fn launch() -> v1::Launch {
    let workload = v1::Workload { namespace: "n".into(), name: "w".into(), ..Default::default() };
    v1::Launch { workload: Some(workload), ..Default::default() }
}

pub fn kit(launch: v1::Launch) -> Kit {
    kit_with(launch, Config::default(), None)
}

pub fn kit_with(launch: v1::Launch, config: Config, state: Option<StateDir>) -> Kit {
    let (mut start, engine) = start(launch);
    start.config = Arc::new(config);
    Kit { hub: Arc::new(Hub::new(start, state)), engine }
}

pub fn start(launch: v1::Launch) -> (Start, Engine) {
    let poll = mio::Poll::new().unwrap();
    let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
    let (commands, received) = mpsc::channel();
    let (signals, told) = tokio::sync::mpsc::unbounded_channel();
    let shared = Shared {
        metrics: Metrics::default(),
        recent: Recent::default(),
        signals,
        epoch: 1,
        ready: false.into(),
        draining: false.into(),
    };
    let start = Start {
        launch,
        listening: Vec::new(),
        shared: Arc::new(shared),
        engine: EngineHandle { commands, waker },
        config: Arc::default(),
        identity: None,
        admin: None,
    };
    (start, Engine { commands: received, _poll: poll, _signals: told })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_hears_in_order_until_it_ends() {
        let Kit { hub, engine } = kit(launch());
        let within: Vec<u64> = vec![1, 2];
        assert!(within.iter().all(|ms| hub.engine.send(Command::Drain { within_ms: *ms })));
        let heard =
            engine.commands.try_iter().map(|c| if let Command::Drain { within_ms } = c { within_ms } else { 0 });
        assert_eq!(heard.collect::<Vec<_>>(), within);
        drop(engine);
        assert!(!hub.engine.send(Command::Stop));
    }
}
