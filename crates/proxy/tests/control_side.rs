//! The control thread with a stand-in for the engine and no controller: what people see, and what the engine is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use weft_proto::v1;
use weft_proxy::config::Config;
use weft_proxy::control::state::{StateDir, StoredProgram};
use weft_proxy::control::{self, Control, Start};
use weft_proxy::shared::{Command, EngineHandle, Record, Shared, Signal, Signals};

/// Longer than anything here takes on a loaded machine; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

struct Side {
    control: Option<Control>,
    shared: Arc<Shared>,
    signals: Signals,
    commands: mpsc::Receiver<Command>,
    admin: SocketAddr,
    _poll: mio::Poll,
}

fn side(launch: v1::Launch) -> Side {
    let (signals, receiver) = tokio::sync::mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        metrics: Default::default(),
        recent: Default::default(),
        signals: signals.clone(),
        epoch: 7,
        ready: AtomicBool::new(false),
        draining: AtomicBool::new(false),
    });
    let poll = mio::Poll::new().unwrap();
    let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
    let (sender, commands) = mpsc::channel();
    let admin = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = admin.local_addr().unwrap();
    let start = Start {
        launch,
        listening: vec![],
        shared: shared.clone(),
        engine: EngineHandle { commands: sender, waker },
        config: Arc::new(Config::default()),
        identity: None,
        admin: Some(admin),
    };
    let control = Some(control::start(start, receiver).unwrap());
    Side { control, shared, signals, commands, admin: address, _poll: poll }
}

fn get(admin: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(admin).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text[9..12].parse().unwrap();
    (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
}

impl Side {
    fn get(&self, path: &str) -> (u16, String) {
        get(self.admin, path)
    }

    /// Asks until the answer is so.
    fn until(&self, path: &str, so: impl Fn(u16, &str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let (status, body) = self.get(path);
            if so(status, &body) {
                return body;
            }
            assert!(Instant::now() < end, "{path} stays {status} {body}");
            std::thread::yield_now();
        }
    }

    fn command(&self) -> Command {
        self.commands.recv_timeout(PATIENCE).expect("a command")
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        if let Some(control) = self.control.take() {
            control.finish().expect("the control thread ends");
        }
    }
}

fn workload() -> Option<v1::Workload> {
    Some(v1::Workload { namespace: "d".into(), name: "w".into(), ..Default::default() })
}

/// A program of one backend and a frontend that sends everything there.
fn saved() -> StoredProgram {
    let any = |kind: &str, value: Vec<u8>| {
        Some(prost_types::Any { type_url: format!("type.googleapis.com/weft.v1.{kind}"), value })
    };
    let resource = |name: &str, kind: &str, value: Vec<u8>| v1::Resource {
        name: name.into(),
        version: "1".into(),
        resource: any(kind, value),
    };
    use prost::Message;
    let name = "d/web:80".to_owned();
    let frontend = v1::Frontend {
        name: "d/web:80@*".into(),
        default_backend: name.clone(),
        default_action: Some(v1::RouteAction::default()),
        port: 80,
        ..Default::default()
    };
    let backend = v1::Backend { name: name.clone(), service: "d/web".into(), port: 80, ..Default::default() };
    let endpoints = v1::Endpoints { name: name.clone(), endpoints: vec![] };
    StoredProgram {
        workload: "d/w".into(),
        resources: vec![
            resource("d/web:80@d", "Frontend", frontend.encode_to_vec()),
            resource(&name, "Backend", backend.encode_to_vec()),
            resource(&name, "Endpoints", endpoints.encode_to_vec()),
        ],
        saved_ms: 1,
    }
}

struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Temporary {
        let dir = std::env::temp_dir().join(format!("weft-side-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Temporary(dir)
    }

    fn launch(&self) -> v1::Launch {
        v1::Launch { workload: workload(), state_dir: self.0.display().to_string(), ..Default::default() }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn ready_says_why_not_until_the_engine_listens() {
    let side = side(v1::Launch { workload: workload(), ..Default::default() });
    let body = side.until("/ready", |status, _| status == 503);
    assert!(body.contains("the listeners are not open yet"), "{body}");
    side.signals.send(Signal::Ready).unwrap();
    side.until("/ready", |status, _| status == 200);
    side.control.as_ref().unwrap().orders().drain(0);
    let body = side.until("/ready", |status, _| status == 503);
    assert!(body.contains("draining"), "{body}");
}

#[test]
fn an_app_is_well_once_it_takes_connections() {
    let app = TcpListener::bind("127.0.0.1:0").unwrap();
    let listener = v1::InboundListener { port: 80, app: app.local_addr().unwrap().to_string(), ..Default::default() };
    let side = side(v1::Launch { workload: workload(), inbound: vec![listener], ..Default::default() });
    side.until("/metrics", |_, body| body.contains("weft_app_healthy 1"));
    assert!(side.get("/metrics").1.contains("weft_events_total{kind=\"app-healthy\"} 1"));
}

#[test]
fn the_pages_are_there_and_no_others() {
    let side = side(v1::Launch { workload: workload(), ..Default::default() });
    side.shared.recent.push(Arc::new(Record { id: "r1".into(), reason: "no-route", ..Default::default() }));
    let (status, body) = side.get("/requests/r1");
    assert!(status == 200 && body.contains("weft explain"), "the advice: {body}");
    for (path, wanted) in [("/", 200), ("/program", 200), ("/certs", 200), ("/requests/x", 404), ("/x", 404)] {
        assert_eq!(side.get(path).0, wanted, "{path}");
    }
}

#[test]
fn endpoints_are_asked_of_the_engine() {
    let side = side(v1::Launch { workload: workload(), ..Default::default() });
    let admin = side.admin;
    let page = std::thread::spawn(move || get(admin, "/endpoints"));
    match side.command() {
        Command::DescribeEndpoints(sender) => sender.send(vec![]).unwrap(),
        _ => panic!("another command"),
    }
    assert_eq!(page.join().unwrap(), (200, "[]\n".to_owned()));
}

#[test]
fn names_are_resolved_for_the_engine() {
    let side = side(v1::Launch { workload: workload(), ..Default::default() });
    for (name, some) in [("localhost:80", true), ("no.such.host.invalid:80", false)] {
        side.signals.send(Signal::Lookup(name.into())).unwrap();
        match side.command() {
            Command::Resolved { name: answered, addresses } => {
                assert_eq!((answered.as_str(), !addresses.is_empty()), (name, some));
            }
            _ => panic!("another command"),
        }
    }
}

#[test]
fn what_the_last_life_left_is_in_force_before_any_controller_answers() {
    let temporary = Temporary::new("restart");
    StateDir::open(&temporary.0).unwrap().write_program(&saved()).unwrap();
    // Nobody listens on port 1.
    let controller = v1::Controller { address: "127.0.0.1:1".into(), ..Default::default() };
    let side = side(v1::Launch { controller: Some(controller), ..temporary.launch() });
    match side.command() {
        Command::Config(config) => {
            assert!(config.frontends.contains_key("d/web:80@d") && config.backends.contains_key("d/web:80"));
        }
        _ => panic!("another command"),
    }
    let body = side.until("/metrics", |_, body| body.contains("weft_config_stale_seconds"));
    let stale = body.lines().find_map(|l| l.strip_prefix("weft_config_stale_seconds ")).unwrap();
    assert!(stale.parse::<f64>().unwrap() > 1e9, "{stale}");
}

#[test]
fn a_state_directory_of_another_workload_or_damaged_is_not_believed() {
    for (name, workload, damage) in [("other", "d/other", false), ("damaged", "d/w", true)] {
        let temporary = Temporary::new(name);
        let state = StateDir::open(&temporary.0).unwrap();
        state.write_program(&StoredProgram { workload: workload.into(), ..saved() }).unwrap();
        if damage {
            std::fs::write(temporary.0.join("program"), b"weft-state 1 ?").unwrap();
        }
        let side = side(temporary.launch());
        side.until("/program", |_, body| body.contains("\"frontends\": {}"));
        assert!(side.commands.try_recv().is_err());
    }
}
