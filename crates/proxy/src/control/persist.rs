//! Keeps the last good resources in the state directory, and takes them up at the start (R10).

use std::sync::Arc;
use std::time::Duration;

use super::ads;
use super::delivery::Delivery;
use super::hub::{Contact, Hub};
use super::log;
use super::state::StoredProgram;
use crate::config::Config;
use crate::timestamp;

/// Changes within this are one write: a rollout moves endpoints many times a second.
const DEBOUNCE: Duration = Duration::from_secs(1);

/// Before anything else runs: what a former life left is in force while the controller is looked for.
pub fn restore(hub: &Hub) {
    let current = hub.config.borrow().clone();
    if current.sources.mesh.is_some() {
        return;
    }
    let Some(stored) = hub.state.as_ref().and_then(|state| state.read_program()) else { return };
    if stored.workload != hub.workload_key() {
        log::warn(&format!("the program in the state directory is of {}, not used", stored.workload));
        return;
    }
    let mut delivery = ads::delivery(hub);
    let count = stored.resources.len();
    for refused in delivery.restore(stored.resources, timestamp::now_ms() as u64) {
        log::warn(&format!("{} from the state directory is not used: {}", refused.name, refused.reason));
    }
    let age = (timestamp::now_ms() - stored.saved_ms).max(0) / 1000;
    log::info(&format!("serving on {count} resources from the state directory, {age} s old"));
    hub.contact.send_replace(Contact { connected: false, last_ms: stored.saved_ms });
    hub.push_config(delivery.config);
}

pub async fn run(hub: Arc<Hub>) {
    let Some(state) = hub.state.clone() else { return };
    let mut config = hub.config.subscribe();
    let mut told = false;
    while config.changed().await.is_ok() {
        tokio::time::sleep(DEBOUNCE).await;
        let program = program(hub.workload_key(), &config.borrow_and_update());
        let state = state.clone();
        // fsync may take a while; the app's health is asked on this thread.
        let written = tokio::task::spawn_blocking(move || state.write_program(&program)).await;
        match written {
            Ok(Err(e)) if !told => {
                log::warn(&format!("the program could not be kept for a restart: {e}"));
                told = true;
            }
            Ok(Ok(())) => told = false,
            _ => {}
        }
    }
}

fn program(workload: String, config: &Config) -> StoredProgram {
    StoredProgram { workload, resources: Delivery::saved(config), saved_ms: timestamp::now_ms() }
}
