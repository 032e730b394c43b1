//! Who listens where we wanted to: from /proc/net/tcp to the inode, from there to the process.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::message::LISTEN;
use crate::sys::Holder;

/// `None`: nobody, or somebody whose files we may not look at.
pub fn holder(address: SocketAddr) -> Option<Holder> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|file| fs::read_to_string(file).unwrap_or_default().lines().filter_map(listener).collect::<Vec<_>>())
        .filter(|(listening, _)| overlap(*listening, address))
        .map(|(_, inode)| inode)
        .collect();
    let sockets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    if sockets.is_empty() { None } else { process_with(&sockets) }
}

/// Would a socket on one keep another from listening on the other?
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    one.port() == other.port() && (a == b || a.is_unspecified() || b.is_unspecified())
}

/// Address and inode from a line of /proc/net/tcp or tcp6, when its socket listens.
fn listener(line: &str) -> Option<(SocketAddr, u64)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, state) = (fields.next()?, fields.nth(1)?);
    if u8::from_str_radix(state, 16).ok()? != LISTEN {
        return None;
    }
    let (ip, port) = local.split_once(':')?;
    let address = SocketAddr::new(hex_ip(ip)?, u16::from_str_radix(port, 16).ok()?);
    Some((address, fields.nth(5)?.parse().ok()?))
}

/// Groups of eight digits, each a 32-bit word as the machine stores it.
fn hex_ip(text: &str) -> Option<IpAddr> {
    let words: Vec<[u8; 4]> = (0..text.len() / 8)
        .map(|i| u32::from_str_radix(text.get(i * 8..i * 8 + 8)?, 16).ok().map(u32::to_ne_bytes))
        .collect::<Option<_>>()?;
    let octets = words.concat();
    if let Ok(v4) = <[u8; 4]>::try_from(&octets[..]) {
        return Some(Ipv4Addr::from(v4).into());
    }
    Some(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into())
}

fn process_with(sockets: &[String]) -> Option<Holder> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        if !holds(&entry.path(), sockets) {
            return None;
        }
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        Some(Holder { pid, name: name.trim_end().to_owned() })
    })
}

fn holds(process: &Path, sockets: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return false };
    descriptors
        .flatten()
        .any(|fd| fs::read_link(fd.path()).is_ok_and(|link| sockets.iter().any(|s| link.as_os_str() == s.as_str())))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn reads_listeners_from_both_tables() {
        let v4 = "   0: 0100007F:2378 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0";
        let v6 = "   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A \
                  00000000:00000000 00:00000000 00000000     0        0 99 1 0";
        let connected = v4.replace(" 0A ", " 01 ");
        let heading =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        for (line, expected) in [
            (v4, Some(("127.0.0.1:9080", 4242))),
            (v6, Some(("[::1]:80", 99))),
            (&connected, None),
            (heading, None),
            ("", None),
        ] {
            let expected = expected.map(|(address, inode): (&str, u64)| (address.parse().unwrap(), inode));
            assert_eq!(listener(line), expected, "{line}");
        }
    }

    #[test]
    fn a_wildcard_and_a_single_address_exclude_each_other() {
        for (one, other, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
        ] {
            assert_eq!(overlap(one.parse().unwrap(), other.parse().unwrap()), expected, "{one} {other}");
        }
    }

    #[test]
    fn names_the_process_that_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let found = holder(address).unwrap();
        assert_eq!(found.pid, std::process::id());
        assert!(!found.name.is_empty());
        drop(listener);
        assert_eq!(holder(address), None);
    }
}
