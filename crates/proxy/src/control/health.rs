//! R4: is our own app well? One prober per workload, here, instead of one from each caller.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use weft_core::Rng;
use weft_core::health::{Checker, State};
use weft_proto::v1;

use super::hub::{AppHealth, Hub};
use super::log;
use super::probe;
use crate::config::Config;

/// What is asked, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub app: SocketAddr,
    pub check: v1::HealthCheck,
}

/// The program's health check before the launch's; without either, whether the app takes connections. None: there is
/// no inbound side.
pub fn target(launch: &v1::Launch, config: &Config) -> Option<Target> {
    let app_of = |port: u32| {
        let listener = launch.inbound.iter().find(|l| l.port == port || port == 0)?;
        listener.app.parse().ok()
    };
    let workload = launch.workload.clone().unwrap_or_default();
    let own = config.sources.inbounds.get(&format!("{}/{}", workload.namespace, workload.name));
    let ports = own.map(|source| source.message.ports.as_slice()).unwrap_or_default();
    for port in ports {
        let Some(check) = &port.health else { continue };
        let asked = if check.port == 0 { port.port } else { check.port };
        if let Some(app) = app_of(asked) {
            return Some(Target { app, check: check.clone() });
        }
    }
    let check = launch.app.as_ref().and_then(|app| app.health.clone());
    let check =
        check.unwrap_or(v1::HealthCheck { kind: Some(v1::health_check::Kind::Tcp(true)), ..Default::default() });
    Some(Target { app: app_of(check.port).or_else(|| app_of(0))?, check })
}

pub async fn run(hub: Arc<Hub>, seed: u64) {
    let mut rng = Rng::new(seed);
    let mut config = hub.config.subscribe();
    loop {
        let now = target(&hub.launch, &config.borrow_and_update().clone());
        let Some(target) = now else {
            publish(&hub, State::Healthy, "nothing is served here".into());
            if config.changed().await.is_err() {
                return;
            }
            continue;
        };
        let mut checker = Checker::new(&target.check);
        watch(&hub, &target, &mut checker, &mut rng, &mut config).await;
    }
}

/// Asks until the program says to ask something else.
async fn watch(
    hub: &Hub,
    target: &Target,
    checker: &mut Checker,
    rng: &mut Rng,
    config: &mut tokio::sync::watch::Receiver<Arc<Config>>,
) {
    loop {
        let timeout = Duration::from_micros(checker.timeout_us());
        let result = probe::probe(target, timeout).await;
        checker.observe(result.is_ok());
        publish(hub, checker.state(), result.err().unwrap_or_default());
        let pause = tokio::time::sleep(Duration::from_micros(checker.next_in_us(rng)));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                _ = config.changed() => {
                    if self::target(&hub.launch, &config.borrow_and_update().clone()).as_ref() != Some(target) {
                        return;
                    }
                }
            }
        }
    }
}

fn publish(hub: &Hub, state: State, reason: String) {
    let now = AppHealth { health: state.reported(), reason };
    let before = hub.health.borrow().clone();
    if before == now {
        return;
    }
    let subject = hub.workload_key();
    match (before.health, now.health) {
        (v1::Health::Healthy, v1::Health::Unhealthy) => hub.event("app-unhealthy", &subject, &now.reason),
        (v1::Health::Unhealthy, v1::Health::Healthy) => {
            log::info(&format!("{subject} is healthy"));
            hub.happened("app-healthy", &subject, "passes its health check");
        }
        _ => {}
    }
    hub.health.send_replace(now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn http(path: &str, port: u32) -> v1::HealthCheck {
        let kind = Some(v1::health_check::Kind::HttpPath(path.into()));
        v1::HealthCheck { kind, port, ..Default::default() }
    }

    fn launch(health: Option<v1::HealthCheck>) -> v1::Launch {
        let listener = |port, app: &str| v1::InboundListener { port, app: app.into(), ..Default::default() };
        v1::Launch {
            workload: Some(v1::Workload { namespace: "n".into(), name: "w".into(), ..Default::default() }),
            inbound: vec![listener(80, "127.0.0.1:8080"), listener(90, "127.0.0.1:9090")],
            app: Some(v1::App { health, ..Default::default() }),
            ..Default::default()
        }
    }

    fn program(ports: Vec<v1::InboundPort>) -> Config {
        let mut config = Config::default();
        let message = Arc::new(v1::Inbound { ports, ..Default::default() });
        config.sources.inbounds.insert("n/w".into(), Source { version: "1".into(), message });
        config
    }

    #[test]
    fn the_program_goes_before_the_launch_and_a_connection_is_the_least() {
        let asks = |launch: &v1::Launch, config: &Config| {
            let target = target(launch, config).unwrap();
            (target.app.port(), target.check)
        };
        let port = |port, health| v1::InboundPort { port, health, ..Default::default() };
        let bare = Config::default();
        let (app, check) = asks(&launch(None), &bare);
        assert_eq!((app, check.kind), (8080, Some(v1::health_check::Kind::Tcp(true))));
        assert_eq!(asks(&launch(Some(http("/l", 90))), &bare), (9090, http("/l", 90)));
        let config = program(vec![port(80, None), port(90, Some(http("/p", 0)))]);
        assert_eq!(asks(&launch(Some(http("/l", 0))), &config), (9090, http("/p", 0)));
        let config = program(vec![port(90, Some(http("/p", 80)))]);
        assert_eq!(asks(&launch(None), &config), (8080, http("/p", 80)));
    }

    #[test]
    fn without_an_inbound_side_there_is_nothing_to_ask() {
        assert_eq!(target(&v1::Launch::default(), &Config::default()), None);
    }
}
