//! Transcripts: at which second what happens, and what the supervisor does about it.

use signal_hook::consts::SIGHUP;

use super::*;

/// A plan with an app that has a port, unless said otherwise.
struct Story {
    plan: Plan,
    now: Time,
}

fn story(restart: Restart) -> Story {
    let listens = Some("127.0.0.1:9001".parse().unwrap());
    told_to(Some(AppSettings { restart, listens, start_timeout: Some(Time::from_secs(30)) }))
}

fn told_to(app: Option<AppSettings>) -> Story {
    let mut plan = Plan::new(Settings { app, drain: Time::from_secs(45) });
    assert_eq!(lines(plan.start(Time::ZERO)), "start 1");
    Story { plan, now: Time::ZERO }
}

/// Up and listening at second 1.
fn running(restart: Restart) -> Story {
    let mut story = story(restart);
    story.at(1.0, ready(1), "app");
    story.at(1.0, Event::AppListens, "(the app listens on 127.0.0.1:9001 after 0.0 s)");
    story
}

impl Story {
    #[track_caller]
    fn at(&mut self, second: f64, event: Event, expected: &str) {
        self.now = Time::from_secs_f64(second);
        let found = lines(self.plan.handle(self.now, event.clone()));
        assert_eq!(found, expected, "at {second} s, after {event:?}");
    }

    /// Lets the next deadline pass, which has to be this second.
    #[track_caller]
    fn pass(&mut self, second: f64, expected: &str) {
        let deadline = self.plan.deadline().expect("a deadline");
        assert_eq!(deadline, Time::from_secs_f64(second), "{expected}");
        self.at(second, Event::Tick, expected);
    }
}

fn lines(actions: Vec<Action>) -> String {
    let text = |action| match action {
        Action::StartProxy(id) => format!("start {id}"),
        Action::StartNewProxy(id) => format!("start new {id}"),
        Action::Drain(id) => format!("drain {id}"),
        Action::Stop(id) => format!("stop {id}"),
        Action::Kill(id) => format!("kill {id}"),
        Action::StartApp => "app".into(),
        Action::TellApp(signal) => format!("app<{signal}"),
        Action::TellGroup(signal) => format!("group<{signal}"),
        Action::Say(text) | Action::Restarting(text) => format!("\"{text}\""),
        Action::Detail(text) => format!("({text})"),
        Action::Fail(text, _) => format!("error \"{text}\""),
        Action::Exit(code) => format!("exit {code}"),
    };
    actions.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

fn ready(id: ProxyId) -> Event {
    Event::Proxy(id, Said::Ready)
}

fn drained(id: ProxyId) -> Event {
    Event::Proxy(id, Said::Drained)
}

fn proxy_ended(id: ProxyId) -> Event {
    Event::ProxyEnded(id, Ending::Code(0))
}

fn app_ended(code: u8) -> Event {
    Event::AppEnded { ending: Ending::Code(code), others: false }
}

const DRAINING: &str = "\"draining, at most 45 s (the same signal again skips that)\"";

#[test]
fn drains_then_ends_the_app_then_the_proxy() {
    let mut story = running(Restart::Always);
    story.at(5.0, Event::Signal(SIGTERM), &format!("drain 1, {DRAINING}"));
    story.at(9.0, drained(1), "app<15");
    story.at(9.5, app_ended(0), "stop 1");
    story.at(9.6, proxy_ended(1), "exit 0");
    assert_eq!(story.plan.deadline(), None);
}

#[test]
fn a_proxy_that_ends_when_it_is_drained_is_as_good() {
    let mut story = running(Restart::Always);
    story.at(5.0, Event::Signal(SIGTERM), &format!("drain 1, {DRAINING}"));
    story.at(9.0, proxy_ended(1), "app<15");
    story.at(9.5, Event::AppEnded { ending: Ending::Signal(15), others: false }, "exit 143");
}

#[test]
fn every_wait_of_an_end_has_an_end() {
    let mut story = running(Restart::Never);
    story.at(5.0, Event::Signal(SIGTERM), &format!("drain 1, {DRAINING}"));
    story.pass(50.5, "\"the drain is not over in time; going on\", app<15");
    story.pass(60.5, "\"the app did not end within 10 s of SIGTERM\", group<9");
    story.pass(61.5, "group<9");
    story.at(61.6, Event::AppEnded { ending: Ending::Signal(9), others: false }, "stop 1");
    story.pass(63.6, "kill 1");
    story.at(63.7, proxy_ended(1), "exit 137");
}

#[test]
fn each_further_signal_skips_a_wait() {
    let mut story = running(Restart::Never);
    story.at(5.0, Event::Signal(SIGINT), &format!("drain 1, {DRAINING}"));
    story.at(5.1, Event::Signal(SIGINT), "app<15");
    story.at(5.2, Event::Signal(SIGINT), "group<9");
    story.at(5.3, app_ended(9), "stop 1");
    story.at(5.4, Event::Signal(SIGINT), "kill 1");
    story.at(5.5, proxy_ended(1), "exit 9");
}

#[test]
fn a_job_that_ends_ends_its_proxy_and_passes_its_code_on() {
    for (restart, code, says) in [
        (Restart::Never, 0, "drain 1"),
        (Restart::OnFailure, 0, "drain 1"),
        (Restart::Never, 3, "\"the app ended with exit code 3 after 2.0 s\", drain 1"),
    ] {
        let mut story = running(restart);
        story.at(3.0, app_ended(code), says);
        story.at(3.5, proxy_ended(1), &format!("exit {code}"));
    }
}

#[test]
fn the_proxy_of_an_ended_job_has_five_seconds() {
    let mut story = running(Restart::Never);
    story.at(3.0, app_ended(0), "drain 1");
    story.pass(8.5, "\"the drain is not over in time; going on\", stop 1");
    story.pass(10.5, "kill 1");
}

#[test]
fn the_app_is_started_again_as_its_policy_says() {
    let mut story = running(Restart::OnFailure);
    story.at(31.0, app_ended(1), "\"the app ended with exit code 1 after 30.0 s; starting it again in 100 ms\"");
    story.pass(31.1, "app");
    let again = "\"the app was ended by SIGSEGV after 0.9 s; starting it again in 200 ms\"";
    story.at(32.0, Event::AppEnded { ending: Ending::Signal(11), others: false }, again);
    story.pass(32.2, "app");
    let mut story = running(Restart::Always);
    story.at(31.0, app_ended(0), "\"the app ended with exit code 0 after 30.0 s; starting it again in 100 ms\"");
}

#[test]
fn an_app_that_dies_five_times_at_once_is_given_up() {
    let mut story = running(Restart::Always);
    let mut now = 1.0;
    for wait in [100, 200, 400, 800] {
        let says = format!("\"the app ended with exit code 2 after 0.0 s; starting it again in {wait} ms\"");
        story.at(now, app_ended(2), &says);
        now += f64::from(wait) / 1000.0;
        story.pass(now, "app");
    }
    let gives_up = "\"the app ended with exit code 2 after 0.0 s; that was 5 times in a row within 10 s of its start: \
                    giving up\", drain 1";
    story.at(now, app_ended(2), gives_up);
    story.at(now, proxy_ended(1), "exit 2");
}

#[test]
fn a_stop_while_the_app_waits_for_its_restart_does_not_start_it() {
    let mut story = running(Restart::Always);
    story.at(31.0, app_ended(1), "\"the app ended with exit code 1 after 30.0 s; starting it again in 100 ms\"");
    story.at(31.05, Event::Signal(SIGTERM), &format!("drain 1, {DRAINING}"));
    story.at(31.06, drained(1), "stop 1");
    story.at(31.07, proxy_ended(1), "exit 1");
}

#[test]
fn what_is_left_of_the_apps_group_is_told_too_and_waited_for() {
    let mut story = running(Restart::Always);
    let sh = Event::AppEnded { ending: Ending::Signal(15), others: true };
    story.at(5.0, sh.clone(), "group<15");
    assert!(story.plan.awaits_group());
    let again = "\"the app was ended by SIGTERM after 5.0 s; starting it again in 100 ms\"";
    story.at(6.0, Event::GroupEnded, again);
    story.pass(6.1, "app");
    story.at(6.2, sh, "group<15");
    story.pass(16.2, "group<9");
    let twice = "\"the app was ended by SIGTERM after 11.1 s; starting it again in 100 ms\"";
    story.pass(17.2, twice);
}

#[test]
fn the_proxy_is_started_again_for_ever_once_it_was_ready() {
    let mut story = running(Restart::Never);
    let killed = |id| Event::ProxyEnded(id, Ending::Signal(9));
    let mut now = 60.0;
    for (id, wait) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1600), (6, 3200), (7, 5000), (8, 5000)] {
        let says = format!("\"the proxy was ended by SIGKILL; starting it again in {wait} ms\"");
        story.at(now, killed(id), &says);
        now += f64::from(wait) / 1000.0;
        story.pass(now, &format!("start {}", id + 1));
    }
    story.at(now, ready(9), "\"the proxy is ready again\"");
}

#[test]
fn a_proxy_that_was_never_ready_ends_the_start() {
    for (code, exit) in [(1, 1), (0, 1), (78, 78)] {
        let mut story = story(Restart::Always);
        let ended = Event::ProxyEnded(1, Ending::Code(code));
        let says = format!("error \"the proxy ended with exit code {code} before it was ready\", exit {exit}");
        story.at(0.5, ended, &says);
    }
}

#[test]
fn a_stop_during_the_start_stops_what_there_is() {
    let mut story = story(Restart::Always);
    story.pass(5.0, "\"waiting for the proxy to be ready (for its identity, if it has a controller)\"");
    assert_eq!(story.plan.deadline(), None);
    story.at(6.0, Event::Signal(SIGTERM), "stop 1");
    story.at(6.1, ready(1), "");
    story.at(6.2, proxy_ended(1), "exit 143");
}

#[test]
fn an_app_that_does_not_listen_in_time_has_failed_to_start() {
    let mut story = story(Restart::Never);
    story.at(1.0, ready(1), "app");
    assert!(story.plan.awaits_listener().is_some());
    let told = "its port is in the environment variable PORT";
    story.pass(6.0, &format!("\"the app does not listen on 127.0.0.1:9001 yet; {told}\""));
    story.pass(31.0, &format!("\"the app does not listen on 127.0.0.1:9001 after 30.0 s; {told}\", app<15"));
    assert!(story.plan.awaits_listener().is_none());
    story.at(31.2, app_ended(0), "\"the app ended with exit code 0 after 30.2 s\", drain 1");
    story.at(31.3, proxy_ended(1), "exit 1");
}

#[test]
fn an_app_that_listens_is_not_waited_for_any_more() {
    let story = running(Restart::Never);
    assert_eq!((story.plan.awaits_listener(), story.plan.deadline()), (None, None));
    let mut portless = told_to(Some(AppSettings { restart: Restart::Never, listens: None, start_timeout: None }));
    portless.at(1.0, ready(1), "app");
    assert_eq!((portless.plan.awaits_listener(), portless.plan.deadline()), (None, None));
}

#[test]
fn other_signals_are_the_apps() {
    let mut story = running(Restart::Never);
    story.at(2.0, Event::Signal(SIGHUP), "app<1");
    story.at(3.0, app_ended(0), "drain 1");
    story.at(3.1, Event::Signal(SIGHUP), "");
}

#[test]
fn a_new_proxy_takes_over_when_it_is_ready_and_the_old_one_drains() {
    let mut story = running(Restart::Never);
    story.at(10.0, Event::Proxy(1, Said::Replace), "start new 2");
    story.at(10.1, Event::Proxy(1, Said::Replace), "");
    story.at(11.0, ready(2), "drain 1");
    story.at(12.0, drained(1), "");
    story.pass(56.5, "kill 1");
    story.at(56.6, proxy_ended(1), "");
    story.at(60.0, Event::Signal(SIGTERM), &format!("drain 2, {DRAINING}"));
}

#[test]
fn a_new_proxy_that_fails_changes_nothing() {
    let mut story = running(Restart::Never);
    story.at(10.0, Event::Proxy(1, Said::Replace), "start new 2");
    story.at(
        10.5,
        Event::ProxyEnded(2, Ending::Code(1)),
        "\"the new proxy ended with exit code 1; the old one stays\"",
    );
    assert_eq!(story.plan.deadline(), None);
    story.at(11.0, Event::Proxy(1, Said::Replace), "start new 3");
    story.at(11.5, proxy_ended(1), "\"the proxy ended with exit code 0; the new one takes over\"");
    story.at(12.0, ready(3), "\"the proxy is ready again\"");
}

#[test]
fn without_an_app_the_proxy_is_all() {
    let mut story = told_to(None);
    story.at(1.0, ready(1), "");
    story.at(2.0, Event::Signal(SIGTERM), &format!("drain 1, {DRAINING}"));
    story.at(2.5, proxy_ended(1), "exit 0");
}
