//! All listening sockets of a launch, opened before anything is started and kept for as long as the supervisor lives:
//! while a proxy is replaced, connections wait in the backlog instead of being refused.

use std::io;
use std::net::{SocketAddr, TcpListener};

use weft_proto::v1::Launch;

use super::say::Failure;
use crate::sys;

/// What waits while the proxy is started again: a second of a busy service. The kernel's limit (somaxconn, 4096 since
/// Linux 5.4) is the same.
const BACKLOG: i32 = 4096;

/// In the order of `addresses`. Writes the ports that the kernel chose into the launch.
pub fn bind(launch: &mut Launch) -> Result<Vec<TcpListener>, Failure> {
    let mut sockets = Vec::new();
    for (what, address) in addresses(launch) {
        let listener = bind_one(&what, address, &sockets)?;
        *address = listener.local_addr().map_err(|e| Failure::new(format!("{what}: {e}"), ""))?.to_string();
        sockets.push(listener);
    }
    Ok(sockets)
}

/// Every address to listen on, with its field: inbound, outbound, admin.
pub fn addresses(launch: &mut Launch) -> impl Iterator<Item = (String, &mut String)> {
    let inbound = launch.inbound.iter_mut().enumerate().map(|(i, l)| (format!("inbound[{i}].address"), &mut l.address));
    let outbound = launch.outbound.iter_mut().enumerate();
    let outbound = outbound.map(|(i, l)| (format!("outbound[{i}].address"), &mut l.address));
    let admin = Some(&mut launch.admin).filter(|a| !a.is_empty()).map(|a| ("admin".to_owned(), a));
    inbound.chain(outbound).chain(admin)
}

fn bind_one(what: &str, text: &str, ours: &[TcpListener]) -> Result<TcpListener, Failure> {
    let Ok(address) = text.parse::<SocketAddr>() else {
        return Err(Failure::new(format!("{what}: {text:?} is not <ip>:<port>"), "for example 127.0.0.1:8080"));
    };
    let listener = TcpListener::bind(address).map_err(|e| explain(address, &e, ours))?;
    // A second `listen` changes the backlog; the standard library's own 128 is too small for a busy port.
    let longer = rustix::net::listen(&listener, BACKLOG);
    longer.map_err(|e| Failure::new(format!("cannot listen on {address}: {e}"), ""))?;
    Ok(listener)
}

fn explain(address: SocketAddr, error: &io::Error, ours: &[TcpListener]) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => taken(address, ours),
        io::ErrorKind::AddrNotAvailable => Failure::new(
            format!("cannot listen on {address}: no interface of this machine has the address {}", address.ip()),
            "take an address of this machine, or 0.0.0.0 for all of them",
        ),
        io::ErrorKind::PermissionDenied => Failure::new(
            format!("cannot listen on {address}: permission denied"),
            "ports below 1024 need root or CAP_NET_BIND_SERVICE; take a higher one",
        ),
        _ => Failure::new(format!("cannot listen on {address}: {error}"), ""),
    }
}

fn taken(address: SocketAddr, ours: &[TcpListener]) -> Failure {
    if ours.iter().any(|o| o.local_addr().is_ok_and(|o| o == address)) {
        return Failure::new(
            format!("{address} stands twice in the launch"),
            "each listener needs an address of its own",
        );
    }
    match sys::holder(address) {
        Some(holder) => Failure::new(
            format!("{address} is in use by {:?} (pid {})", holder.name, holder.pid),
            "end that process, or take another port",
        ),
        None => Failure::new(
            format!("{address} is in use by another process"),
            format!("as root, `ss -ltnp 'sport = {}'` names it; end it, or take another port", address.port()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use weft_proto::v1::{InboundListener, OutboundListener};

    use super::*;

    fn launch(inbound: &[&str], outbound: &[&str], admin: &str) -> Launch {
        let inbound = inbound.iter().map(|a| InboundListener { address: (*a).into(), ..Default::default() }).collect();
        let outbound =
            outbound.iter().map(|a| OutboundListener { address: (*a).into(), ..Default::default() }).collect();
        Launch { inbound, outbound, admin: admin.into(), ..Default::default() }
    }

    #[test]
    fn ports_chosen_by_the_kernel_are_written_back() {
        let mut launch = launch(&["127.0.0.1:0"], &["127.0.0.1:0", "[::1]:0"], "127.0.0.1:0");
        let sockets = bind(&mut launch).unwrap();
        let bound: Vec<String> = sockets.iter().map(|s| s.local_addr().unwrap().to_string()).collect();
        let written =
            [&launch.inbound[0].address, &launch.outbound[0].address, &launch.outbound[1].address, &launch.admin];
        assert_eq!(bound.iter().collect::<Vec<_>>(), written);
        assert!(!bound.iter().any(|a| a.ends_with(":0")));
    }

    #[test]
    fn no_admin_address_is_no_admin_socket() {
        assert!(bind(&mut launch(&[], &[], "")).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_bound_is_explained() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = other.local_addr().unwrap().to_string();
        let in_use = format!("{taken} is in use by ");
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let twice = format!("{free} stands twice in the launch");
        for (inbound, expected) in [
            (vec![taken.as_str()], in_use.as_str()),
            (vec![&free, &free], &twice),
            (vec!["192.0.2.1:80"], "cannot listen on 192.0.2.1:80: no interface of this machine has the address"),
            (vec!["here"], "inbound[0].address: \"here\" is not <ip>:<port>"),
        ] {
            let failure = bind(&mut launch(&inbound, &[], "")).unwrap_err();
            assert!(failure.what.starts_with(expected), "{}", failure.what);
            assert!(!failure.hint.is_empty());
        }
    }
}
