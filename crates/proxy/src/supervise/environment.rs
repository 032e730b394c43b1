//! What the app is told in its environment: its port, where its services are, and nothing of weft's own secrets.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;

use weft_proto::v1::Launch;

/// Settings of weft itself (tokens among them) are not the app's business.
const OURS: &str = "WEFT_";
/// HTTP libraries read one or the other spelling: curl and Python the small one, Go and Java wrappers both.
const PROXY: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The whole environment of the app. What the launch names for it wins over what we add, and that over what we have.
pub fn of_app(launch: &Launch, inherited: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<OsString, OsString> {
    let mut env: BTreeMap<OsString, OsString> =
        inherited.filter(|(name, _)| !name.as_encoded_bytes().starts_with(OURS.as_bytes())).collect();
    for (name, value) in services(launch).into_iter().chain(workload(launch)).chain(port(launch)) {
        env.insert(name.into(), value.into());
    }
    if let Some(address) = by_host(launch) {
        let without = no_proxy(launch, NO_PROXY.iter().find_map(|name| env.get(&OsString::from(name))?.to_str()));
        env.extend(PROXY.map(|name| (name.into(), format!("http://{address}").into())));
        env.extend(NO_PROXY.map(|name| (name.into(), without.clone().into())));
    }
    env.extend(launch.app.iter().flat_map(|app| &app.env).map(|(name, value)| (name.into(), value.into())));
    env
}

fn port(launch: &Launch) -> Option<(String, String)> {
    let port = launch.app.as_ref().map_or(0, |app| app.port);
    (port != 0).then(|| ("PORT".to_owned(), port.to_string()))
}

fn workload(launch: &Launch) -> impl Iterator<Item = (String, String)> {
    let workload = launch.workload.clone().unwrap_or_default();
    let named = [
        ("NAMESPACE", workload.namespace),
        ("SERVICE", workload.service),
        ("WORKLOAD", workload.name),
        ("VERSION", workload.version),
    ];
    named.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (format!("{OURS}{name}"), value))
}

/// REVIEWS_HOST, REVIEWS_PORT, REVIEWS_URL. Of several listeners with one name the first counts: it is the service's
/// first port.
fn services(launch: &Launch) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for listener in launch.outbound.iter().filter(|l| !l.env.is_empty()) {
        let (Ok(address), name) = (listener.address.parse::<SocketAddr>(), variable(&listener.env)) else { continue };
        if out.iter().any(|(known, _)| *known == format!("{name}_HOST")) {
            continue;
        }
        out.push((format!("{name}_HOST"), address.ip().to_string()));
        out.push((format!("{name}_PORT"), address.port().to_string()));
        out.push((format!("{name}_URL"), format!("http://{address}")));
    }
    out
}

fn variable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// The listener at which requests say by Host where they go.
fn by_host(launch: &Launch) -> Option<&str> {
    launch.outbound.iter().find(|l| l.frontend.is_empty()).map(|l| l.address.as_str())
}

/// The services' own addresses are reached directly, and so is whatever was exempt before.
fn no_proxy(launch: &Launch, before: Option<&str>) -> String {
    let own = launch.outbound.iter().filter(|l| !l.frontend.is_empty());
    let own = own.filter_map(|l| Some(l.address.parse::<SocketAddr>().ok()?.ip().to_string()));
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    for name in own.chain(before.into_iter().flat_map(|b| b.split(',')).map(|name| name.trim().to_owned())) {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(",")
}

#[cfg(test)]
mod tests {
    use weft_proto::v1::{App, OutboundListener, Workload};

    use super::*;

    fn outbound(address: &str, frontend: &str, env: &str) -> OutboundListener {
        OutboundListener { address: address.into(), frontend: frontend.into(), env: env.into(), fd: 0 }
    }

    fn environment(launch: &Launch, inherited: &[(&str, &str)]) -> Vec<String> {
        let inherited = inherited.iter().map(|(name, value)| (name.into(), value.into()));
        let text =
            |(name, value): (OsString, OsString)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy());
        of_app(launch, inherited).into_iter().map(text).collect()
    }

    #[test]
    fn services_port_and_workload() {
        let launch = Launch {
            workload: Some(Workload { namespace: "default".into(), name: "web-0".into(), ..Default::default() }),
            outbound: vec![
                outbound("127.1.2.3:9080", "default/reviews:9080", "reviews"),
                outbound("127.1.2.3:9090", "default/reviews:9090", "reviews"),
                outbound("[::1]:81", "default/user-db:81", "user-db"),
            ],
            app: Some(App { port: 9001, ..Default::default() }),
            ..Default::default()
        };
        assert_eq!(
            environment(&launch, &[("HOME", "/h"), ("WEFT_TOKEN", "secret")]),
            [
                "HOME=/h",
                "PORT=9001",
                "REVIEWS_HOST=127.1.2.3",
                "REVIEWS_PORT=9080",
                "REVIEWS_URL=http://127.1.2.3:9080",
                "USER_DB_HOST=::1",
                "USER_DB_PORT=81",
                "USER_DB_URL=http://[::1]:81",
                "WEFT_NAMESPACE=default",
                "WEFT_WORKLOAD=web-0",
            ]
        );
    }

    #[test]
    fn the_listener_by_host_is_the_http_proxy_but_not_for_what_has_an_address() {
        let launch = Launch {
            outbound: vec![outbound("127.1.2.3:80", "default/a:80", "a"), outbound("127.0.0.1:15001", "", "")],
            ..Default::default()
        };
        let env = environment(&launch, &[("no_proxy", "localhost, corp.example"), ("HTTP_PROXY", "http://old")]);
        for expected in [
            "HTTP_PROXY=http://127.0.0.1:15001",
            "http_proxy=http://127.0.0.1:15001",
            "NO_PROXY=localhost,127.0.0.1,127.1.2.3,corp.example",
            "no_proxy=localhost,127.0.0.1,127.1.2.3,corp.example",
        ] {
            assert!(env.iter().any(|line| line == expected), "{expected}: {env:?}");
        }
    }

    #[test]
    fn the_apps_own_settings_win() {
        let own = [("PORT".into(), "1".into()), ("WEFT_SERVICE".into(), "mine".into())];
        let app = App { env: own.into(), port: 9001, ..Default::default() };
        let launch = Launch { app: Some(app), ..Default::default() };
        assert_eq!(environment(&launch, &[("PORT", "2")]), ["PORT=1", "WEFT_SERVICE=mine"]);
    }
}
