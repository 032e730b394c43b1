//! The static table (RFC 7541 Appendix A), and finding a name in it by hash.

use super::Pseudo;
use super::classify::Name;
use super::hash;
use crate::Known;
use crate::fault::Fault;

pub struct Static {
    pub name: &'static str,
    pub value: &'static str,
    pub kind: Name,
}

const fn field(name: &'static str, known: Known) -> Static {
    Static { name, value: "", kind: Name::Regular(known) }
}

const fn other(name: &'static str) -> Static {
    field(name, Known::Other)
}

const fn pseudo(name: &'static str, value: &'static str, pseudo: Pseudo) -> Static {
    Static { name, value, kind: Name::Pseudo(pseudo) }
}

const fn status(value: &'static str) -> Static {
    Static { name: ":status", value, kind: Name::Status }
}

/// Index 1 is the first.
pub static STATICS: [Static; 61] = ENTRIES;

const ENTRIES: [Static; 61] = [
    pseudo(":authority", "", Pseudo::Authority),
    pseudo(":method", "GET", Pseudo::Method),
    pseudo(":method", "POST", Pseudo::Method),
    pseudo(":path", "/", Pseudo::Path),
    pseudo(":path", "/index.html", Pseudo::Path),
    pseudo(":scheme", "http", Pseudo::Scheme),
    pseudo(":scheme", "https", Pseudo::Scheme),
    status("200"),
    status("204"),
    status("206"),
    status("304"),
    status("400"),
    status("404"),
    status("500"),
    other("accept-charset"),
    Static { name: "accept-encoding", value: "gzip, deflate", kind: Name::Regular(Known::Other) },
    other("accept-language"),
    other("accept-ranges"),
    field("accept", Known::Accept),
    other("access-control-allow-origin"),
    other("age"),
    other("allow"),
    field("authorization", Known::Authorization),
    other("cache-control"),
    other("content-disposition"),
    other("content-encoding"),
    other("content-language"),
    field("content-length", Known::ContentLength),
    other("content-location"),
    other("content-range"),
    field("content-type", Known::ContentType),
    field("cookie", Known::Cookie),
    field("date", Known::Date),
    other("etag"),
    field("expect", Known::Expect),
    other("expires"),
    other("from"),
    field("host", Known::Host),
    other("if-match"),
    other("if-modified-since"),
    other("if-none-match"),
    other("if-range"),
    other("if-unmodified-since"),
    other("last-modified"),
    other("link"),
    other("location"),
    other("max-forwards"),
    other("proxy-authenticate"),
    field("proxy-authorization", Known::ProxyAuthorization),
    other("range"),
    other("referer"),
    other("refresh"),
    field("retry-after", Known::RetryAfter),
    field("server", Known::Server),
    other("set-cookie"),
    other("strict-transport-security"),
    Static { name: "transfer-encoding", value: "", kind: Name::Refused(Fault::ConnectionField) },
    field("user-agent", Known::UserAgent),
    other("vary"),
    other("via"),
    other("www-authenticate"),
];

/// Twice the 52 names and some: most names that are not in the table meet an empty slot at once.
const SLOTS: usize = 128;

static BY_NAME: [u8; SLOTS] = by_name();

const fn by_name() -> [u8; SLOTS] {
    let mut slots = [0; SLOTS];
    let mut i = ENTRIES.len();
    // From the end, so that the first entry of a name is the one that stays.
    while i > 0 {
        let name = ENTRIES[i - 1].name.as_bytes();
        let mut slot = first_slot(hash::name(name));
        while slots[slot] != 0 && !same(ENTRIES[slots[slot] as usize - 1].name.as_bytes(), name) {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = i as u8;
        i -= 1;
    }
    slots
}

const fn first_slot(name_hash: u64) -> usize {
    (name_hash >> 32) as usize % SLOTS
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// The first index of this name, or 0.
#[inline]
pub fn find_name(name: &[u8], name_hash: u64) -> usize {
    let mut slot = first_slot(name_hash);
    loop {
        match BY_NAME[slot] {
            0 => return 0,
            index if STATICS[index as usize - 1].name.as_bytes() == name => return index as usize,
            _ => slot = (slot + 1) % SLOTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::classify;
    use super::*;

    #[test]
    fn every_entry_knows_what_its_name_is() {
        for entry in &STATICS {
            assert_eq!(entry.kind, classify::name(entry.name.as_bytes()), "{}", entry.name);
        }
    }

    #[test]
    fn every_name_is_found_at_its_first_index() {
        for entry in &STATICS {
            let name = entry.name.as_bytes();
            let first = STATICS.iter().position(|other| other.name == entry.name).unwrap() + 1;
            assert_eq!(find_name(name, hash::name(name)), first, "{}", entry.name);
        }
        assert_eq!(find_name(b"x-none", hash::name(b"x-none")), 0);
        assert_eq!(find_name(b"", hash::name(b"")), 0);
    }
}
