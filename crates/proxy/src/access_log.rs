//! The access log: JSON lines, written by a thread of its own so that a slow disk never slows a request.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use weft_proto::v1;

use crate::control::log;
use crate::shared::{Record, Shared};
use crate::timestamp;

/// Lines that wait for the disk: 4,096 × about 500 bytes. What comes while it is full is dropped and counted.
const QUEUE: usize = 4096;
/// How often a request to open the file again is looked for while nothing happens.
const IDLE: Duration = Duration::from_secs(1);

enum Line {
    Of(Arc<Record>),
    /// The process ends.
    Last,
}

#[derive(Clone)]
pub struct AccessLog {
    /// None: off.
    lines: Option<SyncSender<Line>>,
    reopen: Arc<AtomicBool>,
    shared: Arc<Shared>,
    writer: Arc<Mutex<Option<thread::JoinHandle<()>>>>,
}

impl AccessLog {
    /// `file` empty: stderr. Which requests are worth a line is the engine's decision; this only knows off.
    pub fn new(mode: v1::AccessLog, file: &str, shared: Arc<Shared>) -> io::Result<AccessLog> {
        let reopen = Arc::new(AtomicBool::new(false));
        let mut log = AccessLog { lines: None, reopen: reopen.clone(), shared, writer: Arc::default() };
        if mode == v1::AccessLog::Off {
            return Ok(log);
        }
        let path = (!file.is_empty()).then(|| PathBuf::from(file));
        let mut writer = Writer { out: open(path.as_deref())?, path, reopen };
        let (sender, receiver) = sync_channel(QUEUE);
        let body = move || writer.run(&receiver);
        let thread = thread::Builder::new().name("weft-access-log".into()).spawn(body)?;
        *log.writer.lock().unwrap_or_else(|e| e.into_inner()) = Some(thread);
        log.lines = Some(sender);
        Ok(log)
    }

    /// Never waits.
    pub fn log(&self, record: Arc<Record>) {
        let Some(lines) = &self.lines else { return };
        if let Err(TrySendError::Full(_)) = lines.try_send(Line::Of(record)) {
            self.shared.metrics.access_log_dropped.add(1);
        }
    }

    /// Log rotation: the file is opened again by its name before the next line.
    pub fn reopen(&self) {
        self.reopen.store(true, Relaxed);
    }

    /// Before the process ends: what was taken is written when this returns. What other clones log later is lost.
    pub fn close(self) {
        let thread = self.writer.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let (Some(lines), Some(thread)) = (self.lines, thread) {
            let _ = lines.send(Line::Last);
            let _ = thread.join();
        }
    }
}

/// The answer to `/requests/ID`.
pub fn to_json(record: &Record) -> Value {
    fields(record).map(|(name, value)| (name.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
}

/// One line, in an order for people.
fn to_line(record: &Record) -> String {
    let fields: Vec<String> = fields(record).map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// Empty ones are left out.
fn fields(record: &Record) -> impl Iterator<Item = (&'static str, Value)> {
    let all: [(&'static str, Value); 21] = [
        ("time", json!(timestamp::text_ms(record.unix_ms))),
        ("id", json!(record.id)),
        ("side", json!(record.side)),
        ("source", json!(record.source)),
        ("principal", json!(record.principal)),
        ("destination", json!(record.destination)),
        ("method", json!(record.method)),
        ("host", json!(record.host)),
        ("path", json!(record.path)),
        ("status", json!(record.status)),
        ("reason", json!(record.reason)),
        ("rule", json!(record.rule)),
        ("audited", json!(record.audited)),
        ("backend", json!(record.backend)),
        ("endpoint", json!(record.endpoint)),
        ("attempts", json!(record.attempts)),
        ("duration_us", json!(record.duration_us)),
        ("request_bytes", json!(record.request_bytes)),
        ("response_bytes", json!(record.response_bytes)),
        ("tls", json!(record.tls)),
        ("protocol", json!(record.protocol)),
    ];
    all.into_iter().filter(|(_, value)| value != "" && value != &json!([]))
}

struct Writer {
    out: BufWriter<Box<dyn Write + Send>>,
    path: Option<PathBuf>,
    reopen: Arc<AtomicBool>,
}

fn open(path: Option<&Path>) -> io::Result<BufWriter<Box<dyn Write + Send>>> {
    let out: Box<dyn Write + Send> = match path {
        None => Box::new(io::stderr()),
        Some(path) => Box::new(append(path)?),
    };
    Ok(BufWriter::with_capacity(32 << 10, out))
}

fn append(path: &Path) -> io::Result<File> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|e| io::Error::new(e.kind(), format!("access log {}: {e}", path.display())))
}

impl Writer {
    fn run(&mut self, lines: &Receiver<Line>) {
        loop {
            match lines.recv_timeout(IDLE) {
                Ok(Line::Of(record)) => self.write(&record),
                Err(RecvTimeoutError::Timeout) => self.reopen_if_asked(),
                Ok(Line::Last) | Err(RecvTimeoutError::Disconnected) => return self.flush(),
            }
            // Whatever waits goes out in one write.
            while let Ok(line) = lines.try_recv() {
                match line {
                    Line::Of(record) => self.write(&record),
                    Line::Last => return self.flush(),
                }
            }
            self.flush();
        }
    }

    /// A full disk loses lines; telling about each would lose more.
    fn write(&mut self, record: &Record) {
        self.reopen_if_asked();
        let _ = writeln!(self.out, "{}", to_line(record));
    }

    fn flush(&mut self) {
        let _ = self.out.flush();
    }

    fn reopen_if_asked(&mut self) {
        if self.path.is_none() || !self.reopen.swap(false, Relaxed) {
            return;
        }
        self.flush();
        match open(self.path.as_deref()) {
            Ok(out) => self.out = out,
            Err(e) => log::warn(&format!("{e}; writing to the old file")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Arc<Shared> {
        let (signals, _) = tokio::sync::mpsc::unbounded_channel();
        Arc::new(Shared {
            metrics: Default::default(),
            recent: Default::default(),
            signals,
            epoch: 1,
            ready: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        })
    }

    fn record(id: &str) -> Arc<Record> {
        Arc::new(Record { id: id.into(), status: 503, rule: "HTTPRoute/a/b/0".into(), ..Default::default() })
    }

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("weft-log-{name}-{}", std::process::id()))
    }

    #[test]
    fn each_record_is_a_line_of_json() {
        let path = file("lines");
        let log = AccessLog::new(v1::AccessLog::All, path.to_str().unwrap(), shared()).unwrap();
        // A clone that lives on keeps nothing open.
        let _clone = log.clone();
        log.log(record("a"));
        log.log(record("b\n"));
        log.close();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["id"], &lines[1]["id"]), (&json!("a"), &json!("b\n")));
        assert_eq!(lines[0]["rule"], "HTTPRoute/a/b/0");
        assert_eq!(lines[0]["time"], "1970-01-01T00:00:00.000Z");
        assert!(lines[0].get("reason").is_none() && lines[0].get("audited").is_none());
    }

    #[test]
    fn rotation_continues_in_a_new_file() {
        let (path, old) = (file("new"), file("old"));
        let log = AccessLog::new(v1::AccessLog::Errors, path.to_str().unwrap(), shared()).unwrap();
        log.log(record("before"));
        while std::fs::metadata(&path).unwrap().len() == 0 {
            thread::yield_now();
        }
        std::fs::rename(&path, &old).unwrap();
        log.reopen();
        log.log(record("after"));
        log.close();
        let text = |p: &Path| std::fs::read_to_string(p).unwrap();
        assert!(text(&old).contains("before") && !text(&old).contains("after"));
        assert!(text(&path).contains("after"));
        [path, old].iter().for_each(|p| std::fs::remove_file(p).unwrap());
    }

    #[test]
    fn off_writes_nothing_and_a_bad_file_is_an_error_at_once() {
        let log = AccessLog::new(v1::AccessLog::Off, "/nonexistent/dir/log", shared()).unwrap();
        log.log(record("a"));
        let error = AccessLog::new(v1::AccessLog::All, "/nonexistent/dir/log", shared()).err().unwrap();
        assert!(error.to_string().starts_with("access log /nonexistent/dir/log: "), "{error}");
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (sender, receiver) = sync_channel(1);
        let shared = shared();
        let log =
            AccessLog { lines: Some(sender), reopen: Arc::default(), shared: shared.clone(), writer: Arc::default() };
        (0..5).for_each(|_| log.log(record("x")));
        assert_eq!(shared.metrics.access_log_dropped.get(), 4);
        drop(receiver);
    }
}
