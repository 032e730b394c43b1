//! Keeps the last good resources in the state directory, and takes them up at the start (R10).

use std::sync::Arc;
use std::time::Duration;

use weft_proto::v1;

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
        let program = {
            let config = config.borrow_and_update();
            if !is_whole(&hub.launch, &hub.workload(), &config) {
                continue;
            }
            program(hub.workload_key(), &config)
        };
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
        // The first change is kept at once: who dies in the next second restarts with it. Those that follow together are
        // written together.
        tokio::time::sleep(DEBOUNCE).await;
    }
}

/// Everything that was declared is answered: a restart from less would serve worse than the last run did.
fn is_whole(launch: &v1::Launch, workload: &v1::Workload, config: &Config) -> bool {
    let inbound = format!("{}/{}", workload.namespace, workload.name);
    let answered = |l: &v1::OutboundListener| {
        let key = format!("{}@{}", l.frontend, workload.namespace);
        l.frontend.is_empty() || config.frontends.contains_key(&key) || config.absent.contains(&key)
    };
    (launch.inbound.is_empty() || config.inbounds.contains_key(&inbound)) && launch.outbound.iter().all(answered)
}

fn program(workload: String, config: &Config) -> StoredProgram {
    StoredProgram { workload, resources: Delivery::saved(config), saved_ms: timestamp::now_ms() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::state::StateDir;
    use super::super::testing::{Kit, kit_with, launch};
    use super::*;
    use crate::shared::Command;

    /// A directory that goes when the test ends.
    struct Temporary(PathBuf);

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn config(version: &str) -> Config {
        let mut config = Config::default();
        config.set_mesh(version, v1::Mesh { trust_domain: "t".into(), ..Default::default() }).unwrap();
        config.set_inbound("n/w", version, v1::Inbound { name: "n/w".into(), ..Default::default() }).unwrap();
        config
    }

    /// A hub over a directory in which `workload` left version "old".
    fn after(workload: &str, name: &str, current: Config) -> (Kit, Temporary) {
        let dir = std::env::temp_dir().join(format!("weft-persist-{name}-{}", std::process::id()));
        let state = StateDir::open(&dir).unwrap();
        let stored = StoredProgram { saved_ms: 5, ..program(workload.into(), &config("old")) };
        state.write_program(&stored).unwrap();
        (kit_with(launch(), current, Some(state)), Temporary(dir))
    }

    fn versions(kit: &Kit) -> Vec<String> {
        let config = kit.hub.config.borrow().clone();
        let mesh = config.sources.mesh.iter().map(|s| s.version.to_string());
        mesh.chain(config.sources.inbounds.values().map(|s| s.version.to_string())).collect()
    }

    #[test]
    fn a_former_life_is_taken_up_as_old_as_it_is() {
        let (kit, _directory) = after("n/w", "own", Config::default());
        restore(&kit.hub);
        assert_eq!(versions(&kit), ["old", "old"]);
        assert!(matches!(kit.engine.commands.try_recv(), Ok(Command::Config(_))));
        assert_eq!(*kit.hub.contact.borrow(), Contact { connected: false, last_ms: 5 });
    }

    #[test]
    fn another_workloads_program_is_not_believed() {
        let (kit, _directory) = after("n/other", "other", Config::default());
        restore(&kit.hub);
        assert!(versions(&kit).is_empty() && kit.engine.commands.try_recv().is_err());
    }

    #[test]
    fn what_is_in_force_already_goes_before_what_was_kept() {
        let (kit, _directory) = after("n/w", "file", config("file"));
        restore(&kit.hub);
        assert_eq!(versions(&kit), ["file", "file"]);
        assert!(kit.engine.commands.try_recv().is_err());
    }

    #[test]
    fn a_program_is_whole_when_everything_declared_is_answered() {
        let workload = v1::Workload { namespace: "n".into(), name: "w".into(), ..Default::default() };
        let calls = v1::OutboundListener { frontend: "n/b:80".into(), ..Default::default() };
        let by_host = v1::OutboundListener::default();
        let inbound = vec![v1::InboundListener::default()];
        let launch = v1::Launch { inbound, outbound: vec![calls, by_host], ..Default::default() };
        let mut now = Config::default();
        assert!(!is_whole(&launch, &workload, &now));
        now.set_inbound("n/w", "1", v1::Inbound::default()).unwrap();
        assert!(!is_whole(&launch, &workload, &now), "a call is not answered");
        now.remove_frontend("n/b:80@n");
        assert!(is_whole(&launch, &workload, &now), "absent is an answer");
        assert!(is_whole(&v1::Launch::default(), &workload, &Config::default()), "nothing was declared");
    }
}
