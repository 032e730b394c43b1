//! The supervisor with real processes: a fake proxy (Python), apps (sh), and one transcript of what all of them print.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::json;

#[path = "supervise/support.rs"]
mod support;

use support::{addresses_then, connect, launch, sh, start, start_with};

/// An app that ends as it is asked to, and says so.
const POLITE: &str = "trap 'echo app: ending; exit 5' TERM; echo app: up; while :; do sleep 1000 & wait $!; done";

#[test]
fn the_apps_exit_code_is_the_supervisors() {
    for (script, code, says) in [
        ("exit 0", 0, ""),
        ("exit 3", 3, "weft: the app ended with exit code 3 after "),
        ("kill -9 $$", 137, "weft: the app was ended by SIGKILL after "),
    ] {
        let (found, transcript) = start(&launch(sh(script))).end();
        assert_eq!(found, code, "{transcript}");
        assert!(transcript.contains(says), "{transcript}");
        assert!(transcript.contains("proxy: ready with 4 sockets\n"), "{transcript}");
        assert!(transcript.contains("proxy: draining\nproxy: stopping\n"), "{transcript}");
    }
}

#[test]
fn a_stop_drains_the_proxy_then_ends_the_app_then_the_proxy() {
    let mut supervisor = start(&launch(sh(POLITE)));
    supervisor.expect("app: up");
    supervisor.signal(Signal::TERM);
    let (code, transcript) = supervisor.end();
    let order = "proxy: ready with 4 sockets\n\
                 app: up\n\
                 weft: draining, at most 20 s (the same signal again skips that)\n\
                 proxy: draining\n\
                 app: ending\n\
                 proxy: stopping\n";
    assert_eq!((code, without_draining_race(&transcript).as_str()), (5, without_draining_race(order).as_str()));
}

/// Proxy and supervisor announce the drain at the same moment.
fn without_draining_race(transcript: &str) -> String {
    transcript.lines().filter(|line| !line.starts_with("weft: draining")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_proxy_that_exits_when_it_has_drained_is_as_good() {
    let mut supervisor = start_with(&launch(sh(POLITE)), "exits");
    supervisor.expect("app: up");
    supervisor.signal(Signal::INT);
    let (code, transcript) = supervisor.end();
    assert_eq!(code, 5, "{transcript}");
    // Two processes write: which line comes first is not the supervisor's doing.
    assert!(transcript.contains("proxy: draining\n"), "{transcript}");
    assert!(transcript.contains("app: ending\n"), "{transcript}");
}

#[test]
fn more_signals_end_what_does_not_listen() {
    let mut supervisor = start_with(&launch(sh("trap '' TERM; echo app: up; while :; do sleep 1000; done")), "deaf");
    supervisor.expect("app: up");
    supervisor.signal(Signal::TERM);
    supervisor.expect("proxy: draining");
    // One asks the app, which ignores it; the next one ends it. The proxy has two seconds from there.
    supervisor.signal(Signal::INT);
    supervisor.signal(Signal::TERM);
    let (code, transcript) = supervisor.end();
    assert_eq!(code, 137, "{transcript}");
}

#[test]
fn a_child_that_dies_is_replaced_and_no_connection_is_refused() {
    let mut supervisor = start(&launch(addresses_then("exec sleep 1000")));
    let line = supervisor.expect("ratings ");
    let address = line.strip_prefix("ratings ").unwrap();
    let first = connect(address).say("die");
    supervisor.expect("weft: the proxy was ended by SIGKILL; starting it again in 100 ms");
    // Nobody accepts now: the connection waits in the socket that the supervisor keeps.
    let second = connect(address);
    assert_ne!(first, second.pid);
    supervisor.expect("weft: the proxy is ready again");
    supervisor.signal(Signal::TERM);
    second.say("hello");
    assert_eq!(supervisor.end().0, 143);
}

#[test]
fn a_new_proxy_takes_over_before_the_old_one_drains() {
    let mut supervisor = start(&launch(addresses_then("exec sleep 1000")));
    let line = supervisor.expect("ratings ");
    let address = line.strip_prefix("ratings ").unwrap();
    let first = connect(address).say("replace");
    supervisor.expect("proxy: ready");
    supervisor.expect("proxy: draining");
    let second = connect(address).say("hello");
    assert_ne!(first, second);
    supervisor.signal(Signal::TERM);
    assert_eq!(supervisor.end().0, 143);
}

#[test]
fn the_app_knows_its_port_and_its_services_and_no_secrets() {
    let script = "echo $PORT $RATINGS_HOST ${RATINGS_URL%:*} ${HTTP_PROXY%:*} $NO_PROXY $WEFT_SERVICE $OWN \
                  ${WEFT_TOKEN-none} $PWD";
    let mut app = sh(script);
    app["port"] = json!(9001);
    app["env"] = json!({"OWN": "own"});
    app["directory"] = json!("/");
    let (_, transcript) = start(&launch(app)).end();
    let expected = "9001 127.0.0.1 http://127.0.0.1 http://127.0.0.1 localhost,127.0.0.1 reviews own none /\n";
    assert!(transcript.contains(expected), "{transcript}");
}

#[test]
fn signals_for_the_app_reach_the_app() {
    let script = "trap 'echo app: HUP' HUP; trap 'echo app: USR1' USR1; trap 'exit 0' USR2; echo app: up; \
                  while :; do sleep 1000 & wait $!; done";
    let mut supervisor = start(&launch(sh(script)));
    supervisor.expect("app: up");
    for (signal, says) in [(Signal::HUP, "app: HUP"), (Signal::USR1, "app: USR1")] {
        supervisor.signal(signal);
        supervisor.expect(says);
    }
    supervisor.signal(Signal::USR2);
    assert_eq!(supervisor.end().0, 0);
}

#[test]
fn an_app_that_fails_is_started_again_and_given_up_in_the_end() {
    let mut app = sh("echo once more >> $TEST_DIRECTORY/starts; wc -l < $TEST_DIRECTORY/starts; exit 7");
    app["restart"] = json!("RESTART_POLICY_ON_FAILURE");
    let (code, transcript) = start(&launch(app)).end();
    assert_eq!(code, 7, "{transcript}");
    assert!(transcript.contains("\n5\n") && !transcript.contains("\n6\n"), "{transcript}");
    assert!(transcript.contains("that was 5 times in a row within 10 s of its start: giving up\n"), "{transcript}");
}

#[test]
fn an_app_that_does_not_listen_in_time_has_failed() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut app = sh("exec sleep 1000");
    app["port"] = json!(free.port());
    app["start_timeout_ms"] = json!(200);
    let (code, transcript) = start(&launch(app)).end();
    assert_eq!(code, 1, "{transcript}");
    let says = format!("weft: the app does not listen on {free} after ");
    assert!(transcript.contains(&says), "{transcript}");
}

#[test]
fn an_app_that_listens_is_found() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let script = "import os, signal, socket; s = socket.create_server(('127.0.0.1', int(os.environ['PORT']))); \
                  signal.pause()";
    let mut app = json!({"command": ["python3", "-c", script]});
    app["port"] = json!(free.port());
    let mut supervisor = start(&launch(app));
    supervisor.expect(&format!("weft: the app listens on {free} after "));
    supervisor.signal(Signal::TERM);
    assert_eq!(supervisor.end().0, 143);
}

#[test]
fn a_taken_port_is_told_with_who_has_it_and_nothing_starts() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let mut launch = launch(sh("echo started"));
    launch["inbound"][0]["address"] = json!(address);
    let (code, transcript) = start(&launch).end();
    assert_eq!(code, 1);
    let (start, end) =
        (format!("error: {address} is in use by "), "\n\nhint: end that process, or take another port\n");
    assert!(transcript.starts_with(&start) && transcript.ends_with(end), "{transcript}");
    assert!(transcript.contains(&format!("(pid {})", std::process::id())), "{transcript}");
}

#[test]
fn a_command_that_is_not_there_is_told_before_anything_starts() {
    for (command, code, says) in [
        ("no-such-program", 127, "error: command not found: no-such-program\n\nhint: "),
        ("./no-such-file", 127, "error: there is no file ./no-such-file\n\nhint: "),
        ("/etc/passwd", 126, "error: /etc/passwd is not executable\n\nhint: "),
    ] {
        let (found, transcript) = start(&launch(json!({"command": [command]}))).end();
        assert_eq!(found, code, "{transcript}");
        assert!(transcript.starts_with(says), "{transcript}");
    }
}

#[test]
fn a_program_that_exec_refuses_is_told_by_its_own_start() {
    let program = std::env::temp_dir().join(format!("weft-no-interpreter-{}", std::process::id()));
    std::fs::write(&program, "#!/no/such/shell\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (code, transcript) = start(&launch(json!({"command": [program]}))).end();
    std::fs::remove_file(&program).unwrap();
    let program = program.display();
    assert_eq!(code, 127, "{transcript}");
    assert!(transcript.contains(&format!("error: cannot run {program}: ")), "{transcript}");
    assert!(transcript.contains("hint: when the file is there, its interpreter (first line) is not\n"), "{transcript}");
}

#[test]
fn a_proxy_that_fails_at_once_ends_the_start() {
    let (code, transcript) = start_with(&launch(sh("echo started")), "fail").end();
    assert_eq!(code, 1);
    let says = "proxy: I fail\nerror: the proxy ended with exit code 1 before it was ready\n\nhint: ";
    assert!(transcript.starts_with(says), "{transcript}");
    assert!(!transcript.contains("started"), "{transcript}");
}

#[test]
fn nothing_outlives_a_supervisor_that_is_killed() {
    // A process in the background holds the transcript open as well.
    let mut supervisor = start(&launch(sh("sleep 1000 & sh -c 'echo app: up; exec sleep 1000'")));
    supervisor.expect("app: up");
    supervisor.signal(Signal::KILL);
    let (code, transcript) = supervisor.end();
    assert_eq!(code, -9, "{transcript}");
}

#[test]
fn what_the_app_left_in_the_background_ends_with_it() {
    let (code, transcript) = start(&launch(sh("sleep 1000 & exit 4"))).end();
    assert_eq!(code, 4, "{transcript}");
}

#[test]
fn the_output_of_the_app_goes_where_the_launch_says() {
    let log = std::env::temp_dir().join(format!("weft-log-{}", std::process::id()));
    let mut app = sh("echo to the log; echo and errors >&2");
    app["log_file"] = json!(log);
    let (_, transcript) = start(&launch(app)).end();
    assert!(!transcript.contains("to the log"), "{transcript}");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "to the log\nand errors\n");
    std::fs::remove_file(log).unwrap();
}

#[test]
fn the_app_runs_as_who_the_launch_says() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("not tested: only root may start an app as another user");
    }
    let mut app = sh("echo app: $(id -u) $(id -g) $(id -G); exec sleep 1000");
    app["uid"] = json!(65534);
    app["gid"] = json!(65533);
    let mut supervisor = start(&launch(app));
    supervisor.expect("app: 65534 65533 65533");
    // Another user's process ends with its supervisor too.
    supervisor.signal(Signal::KILL);
    assert_eq!(supervisor.end().0, -9);
}
