use weft_proto::v1::InboundListener;

use super::*;

fn words(text: &str) -> impl Iterator<Item = OsString> + use<'_> {
    text.split_whitespace().map(OsString::from)
}

#[test]
fn options_are_a_launch_file_and_for_tests_another_proxy() {
    let options = parse(words("--launch a.json --proxy-binary p")).unwrap();
    assert_eq!(options, Options { launch: "a.json".into(), proxy_binary: Some("p".into()), translate: false });
    assert!(parse(words("--to-protobuf --launch a")).unwrap().translate);
    for (text, expected) in [
        ("", "supervise needs --launch"),
        ("--launch", "--launch needs a file"),
        ("--lunch a", "supervise does not know --lunch"),
    ] {
        let failure = parse(words(text)).unwrap_err();
        assert_eq!((failure.what.as_str(), failure.code), (expected, 2));
    }
}

#[test]
fn app_exec_takes_what_the_supervisor_gives_it_and_nothing_else() {
    assert!(app_exec::parse(words("--parent 5 --user 7:8 --compartment /c -- sh -c x")).is_some());
    for text in ["", "--parent 5", "--parent 5 --", "-- sh", "--parent x -- sh", "--user 7 -- sh", "sh"] {
        assert!(app_exec::parse(words(text)).is_none(), "{text}");
    }
}

#[test]
fn the_app_is_expected_where_the_proxy_will_call_it() {
    let to = |app: &str| InboundListener { app: app.into(), ..Default::default() };
    for (port, inbound, expected) in [
        (0, vec![], None),
        (9001, vec![], Some("127.0.0.1:9001")),
        (9001, vec![to("[::1]:9001")], Some("[::1]:9001")),
        (9001, vec![to("127.0.0.1:9002")], Some("127.0.0.1:9001")),
    ] {
        let launch = Launch { inbound, app: Some(App { port, ..Default::default() }), ..Default::default() };
        let listens = settings(&launch).app.unwrap().listens;
        assert_eq!(listens, expected.map(|address: &str| address.parse().unwrap()));
    }
}

#[test]
fn what_the_launch_leaves_out_has_a_default() {
    let settings = settings(&Launch { app: Some(App::default()), ..Default::default() });
    assert_eq!(settings.drain, DRAIN);
    let app = settings.app.unwrap();
    assert_eq!((app.restart, app.listens, app.start_timeout), (Restart::Never, None, None));
    assert_eq!(app_uid(&App { uid: 5, ..Default::default() }), 5);
    assert_eq!(app_uid(&App::default()), rustix::process::geteuid().as_raw());
}
