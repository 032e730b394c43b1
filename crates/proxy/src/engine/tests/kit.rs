//! A mesh in three lines, on real sockets: an app that answers, a proxy in front of it, and a client of bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use weft_proto::v1;

use crate::commands::{Listeners, Started, start};
use crate::config::Config;
use crate::engine::Engine;
use crate::shared::{Command, EngineHandle, Shared, Signal};
use crate::tls::testing::Authority;

/// What every wait in these tests is bounded by; nothing waits for it when all is well.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One request as an app saw it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// What an app does with a request: bytes to send; `None` closes the connection instead, `connection: close` afterwards.
type Handler = dyn Fn(&Seen, usize) -> Option<Vec<u8>> + Send + Sync;

/// An HTTP/1.1 server on a thread.
pub struct App {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    pub connections: Arc<AtomicUsize>,
}

impl App {
    /// `handle` gets the request and its number on this app, from 0.
    pub fn start(handle: impl Fn(&Seen, usize) -> Option<Vec<u8>> + Send + Sync + 'static) -> App {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let connections: Arc<AtomicUsize> = Arc::default();
        let handle: Arc<Handler> = Arc::new(handle);
        let (all, count) = (seen.clone(), connections.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let (all, handle) = (all.clone(), handle.clone());
                thread::spawn(move || serve(stream, &all, &*handle));
            }
        });
        App { address, seen, connections }
    }

    pub fn says(text: &'static str) -> App {
        App::start(move |_, _| Some(ok(text)))
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

pub fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub fn status(code: u16) -> Vec<u8> {
    format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

fn serve(stream: TcpStream, all: &Mutex<Vec<Seen>>, handle: &Handler) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(seen) = read_request(&mut reader) {
        let number = {
            let mut all = all.lock().unwrap();
            all.push(seen.clone());
            all.len() - 1
        };
        let Some(bytes) = handle(&seen, number) else { return };
        let closes = bytes.windows(17).any(|w| w == b"connection: close");
        if writer.write_all(&bytes).is_err() || closes {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut seen = Seen::default();
    reader.read_line(&mut seen.line).ok().filter(|n| *n > 0)?;
    seen.line.truncate(seen.line.trim_end().len());
    seen.headers = read_headers(reader)?;
    let length = seen.header("content-length").and_then(|v| v.parse().ok());
    let chunked = seen.header("transfer-encoding").is_some();
    seen.body = read_body(reader, length, chunked)?;
    Some(seen)
}

fn read_headers(reader: &mut impl BufRead) -> Option<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => return Some(headers),
        }
    }
}

fn read_body(reader: &mut impl BufRead, length: Option<usize>, chunked: bool) -> Option<Vec<u8>> {
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    if !chunked {
        return Some(body);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; size];
        reader.read_exact(&mut chunk).ok()?;
        body.extend(chunk);
        if size == 0 {
            read_headers(reader)?;
            return Some(body);
        }
        reader.read_line(&mut String::new()).ok()?;
    }
}

/// A response as a client saw it.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An HTTP/1.1 connection, in bytes.
pub struct Client {
    pub reader: BufReader<TcpStream>,
    pub writer: TcpStream,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let writer = TcpStream::connect(address).unwrap();
        writer.set_nodelay(true).unwrap();
        writer.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { reader: BufReader::new(writer.try_clone().unwrap()), writer }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.writer.write_all(bytes.as_ref()).unwrap();
        self
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: b\r\n\r\n")).response().expect("a response")
    }

    /// None: the connection ended before a whole response.
    pub fn response(&mut self) -> Option<Response> {
        self.response_to("GET")
    }

    pub fn response_to(&mut self, method: &str) -> Option<Response> {
        let mut line = String::new();
        self.reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let status: u16 = line.split(' ').nth(1)?.parse().ok()?;
        let headers = read_headers(&mut self.reader)?;
        let mut response = Response { status, headers, body: Vec::new() };
        let bodiless = method == "HEAD" || matches!(status, 204 | 304 | 100..=199);
        if !bodiless {
            let length = response.header("content-length").and_then(|v| v.parse().ok());
            let chunked = response.header("transfer-encoding").is_some();
            response.body = if length.is_none() && !chunked {
                let mut rest = Vec::new();
                self.reader.read_to_end(&mut rest).ok()?;
                rest
            } else {
                read_body(&mut self.reader, length, chunked)?
            };
        }
        Some(response)
    }

    pub fn read_all(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.reader.read_to_end(&mut rest);
        rest
    }
}

pub const TRUST_DOMAIN: &str = "td.test";

pub fn spiffe(account: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}/ns/default/sa/{account}")
}

/// Builds the program of one proxy.
#[derive(Clone, Default)]
pub struct Plan {
    pub program: v1::Program,
    /// What is done with each record.
    pub log: Option<fn(&crate::shared::Record)>,
}

impl Plan {
    pub fn new(workload: &str) -> Plan {
        let mut plan = Plan::default();
        plan.program.mesh =
            Some(v1::Mesh { name: "mesh".into(), trust_domain: TRUST_DOMAIN.into(), ..v1::Mesh::default() });
        plan.program.launch = Some(v1::Launch {
            workload: Some(v1::Workload {
                namespace: "default".into(),
                name: format!("{workload}-0"),
                service: format!("default/{workload}"),
                version: "v1".into(),
                service_account: workload.into(),
                ..v1::Workload::default()
            }),
            ..v1::Launch::default()
        });
        plan
    }

    fn launch(&mut self) -> &mut v1::Launch {
        self.program.launch.as_mut().unwrap()
    }

    /// Outbound listener for a service on port 80, everything to one backend.
    pub fn calls(mut self, service: &str, endpoints: &[(SocketAddr, Option<&str>)]) -> Plan {
        let key = format!("default/{service}:80");
        self.launch().outbound.push(v1::OutboundListener {
            address: "127.0.0.1:0".into(),
            frontend: key.clone(),
            ..v1::OutboundListener::default()
        });
        self.program.frontends.push(v1::Frontend {
            name: format!("{key}@*"),
            hosts: vec![service.into(), format!("{service}.default.mesh")],
            port: 80,
            default_backend: key.clone(),
            origin: format!("Service/default/{service}"),
            ..v1::Frontend::default()
        });
        self.backend(&key, endpoints)
    }

    pub fn backend(mut self, key: &str, endpoints: &[(SocketAddr, Option<&str>)]) -> Plan {
        let service = key.split(':').next().unwrap().to_owned();
        self.program.backends.push(v1::Backend { name: key.into(), service, port: 80, ..v1::Backend::default() });
        let endpoint = |(i, (address, account)): (usize, &(SocketAddr, Option<&str>))| v1::Endpoint {
            address: address.ip().to_string(),
            port: address.port().into(),
            workload: format!("{key}-{i}"),
            identity: account.map(spiffe).unwrap_or_default(),
            health: v1::Health::Healthy as i32,
            ..v1::Endpoint::default()
        };
        let endpoints = endpoints.iter().enumerate().map(endpoint).collect();
        self.program.endpoints.push(v1::Endpoints { name: key.into(), endpoints });
        self
    }

    /// Changes the frontend that `calls` made last.
    pub fn frontend(mut self, change: impl FnOnce(&mut v1::Frontend)) -> Plan {
        change(self.program.frontends.last_mut().unwrap());
        self
    }

    /// Retries as a TrafficPolicy would set them.
    pub fn retry(self, retry: v1::RetryPolicy) -> Plan {
        self.frontend(|f| {
            let split = v1::Split {
                backends: vec![v1::WeightedBackend {
                    backend: f.default_backend.clone(),
                    weight: 1,
                    ..v1::WeightedBackend::default()
                }],
                sticky: None,
            };
            f.default_action = Some(v1::RouteAction {
                rule_id: "TrafficPolicy/default/p/0".into(),
                retry: Some(retry),
                target: Some(v1::route_action::Target::Split(split)),
                ..v1::RouteAction::default()
            });
        })
    }

    /// Inbound listener for port 80 of the workload's service.
    pub fn serves(mut self, app: SocketAddr, change: impl FnOnce(&mut v1::InboundPort)) -> Plan {
        let workload = self.launch().workload.clone().unwrap();
        self.launch().inbound.push(v1::InboundListener {
            address: "127.0.0.1:0".into(),
            port: 80,
            app: app.to_string(),
            ..v1::InboundListener::default()
        });
        let mut port = v1::InboundPort {
            port: 80,
            tls: v1::TlsMode::Permissive as i32,
            tls_origin: "Mesh/default/mesh".into(),
            otherwise: v1::AccessDefault::Allow as i32,
            otherwise_origin: "Mesh/default/mesh".into(),
            ..v1::InboundPort::default()
        };
        change(&mut port);
        self.program.inbounds.push(v1::Inbound {
            name: format!("{}/{}", workload.namespace, workload.name),
            service: workload.service,
            ports: vec![port],
        });
        self
    }

    pub fn generic_outbound(mut self) -> Plan {
        let address = "127.0.0.1:0".into();
        self.launch().outbound.push(v1::OutboundListener { address, ..v1::OutboundListener::default() });
        self
    }

    pub fn start(self) -> Proxy {
        self.start_as(None)
    }

    /// With an SVID of the authority for the workload's service account.
    pub fn start_as(mut self, authority: Option<&Authority>) -> Proxy {
        let launch = self.program.launch.take().unwrap();
        let account = launch.workload.clone().unwrap().service_account;
        let listeners = Listeners::bind(&launch).unwrap();
        let addresses = |l: &[TcpListener]| l.iter().map(|l| l.local_addr().unwrap()).collect::<Vec<_>>();
        let (inbound, outbound) = (addresses(&listeners.inbound), addresses(&listeners.outbound));
        let config = Config::from_program(self.program).unwrap();
        let Started { mut engine, handle, signals } = start(&launch, listeners, Arc::new(config)).unwrap();
        if let Some(log) = self.log {
            engine.log_to(Box::new(move |record| log(&record)));
        }
        if let Some(authority) = authority {
            handle.send(Command::Identity(Arc::new(authority.identity(&spiffe(&account)))));
        }
        Proxy::run(engine, handle, signals, inbound, outbound)
    }
}

/// A running engine.
pub struct Proxy {
    pub inbound: Vec<SocketAddr>,
    pub outbound: Vec<SocketAddr>,
    pub handle: EngineHandle,
    pub shared: Arc<Shared>,
    pub signals: tokio::sync::mpsc::UnboundedReceiver<Signal>,
    stopped: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Proxy {
    fn run(
        mut engine: Engine,
        handle: EngineHandle,
        signals: tokio::sync::mpsc::UnboundedReceiver<Signal>,
        inbound: Vec<SocketAddr>,
        outbound: Vec<SocketAddr>,
    ) -> Proxy {
        let shared = engine.shared();
        let stopped: Arc<AtomicBool> = Arc::default();
        let ended = stopped.clone();
        let thread = thread::spawn(move || {
            engine.run().unwrap();
            ended.store(true, Ordering::SeqCst);
        });
        Proxy { inbound, outbound, handle, shared, signals, stopped, thread: Some(thread) }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.outbound[0])
    }

    /// Sum over all series of one side.
    pub fn requests(&self, side: &str) -> u64 {
        self.shared.metrics.all_series().iter().filter(|s| s.key.side == side).map(|s| s.requests.get()).sum()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.handle.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        assert!(self.stopped.load(Ordering::SeqCst) || thread::panicking(), "the engine must end in good order");
    }
}

/// A caller and a callee, each with its proxy, mTLS in between.
pub struct Pair {
    pub caller: Proxy,
    pub callee: Proxy,
}

impl Pair {
    pub fn of(app: SocketAddr, change: impl FnOnce(&mut v1::InboundPort)) -> Pair {
        Pair::with(app, change, |plan| plan)
    }

    pub fn with(app: SocketAddr, change: impl FnOnce(&mut v1::InboundPort), caller: impl FnOnce(Plan) -> Plan) -> Pair {
        let authority = Authority::new("root");
        let callee = Plan::new("b").serves(app, change).start_as(Some(&authority));
        let plan = Plan::new("a").calls("b", &[(callee.inbound[0], Some("b"))]);
        let caller = caller(plan).start_as(Some(&authority));
        Pair { caller, callee }
    }
}
