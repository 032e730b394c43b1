//! The two things of a certificate that webpki does not tell: its dates, and *all* its URI names.
//!
//! Nothing here decides whether a certificate is genuine; `verify` asks webpki first. A walk over DER (X.690) that
//! follows RFC 5280 section 4.1 and gives up at the first surprise.

use crate::timestamp;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const OBJECT_ID: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
/// `[0]` and `[3]`, explicit, of TBSCertificate.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// `[6]` of GeneralName.
const URI: u8 = 0x86;
/// 2.5.29.17
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

#[derive(Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Unix seconds, both inclusive.
    pub not_before: i64,
    pub not_after: i64,
    /// As they stand there, valid or not.
    pub uris: Vec<&'a [u8]>,
}

pub fn facts(certificate: &[u8]) -> Option<Facts<'_>> {
    let tbs = Der(Der(certificate).take(SEQUENCE)?).take(SEQUENCE)?;
    let mut tbs = Der(tbs);
    tbs.take(VERSION)?;
    for _serial_algorithm_issuer in 0..3 {
        tbs.any()?;
    }
    let mut validity = Der(tbs.take(SEQUENCE)?);
    let (not_before, not_after) = (time(validity.any()?)?, time(validity.any()?)?);
    let mut uris = Vec::new();
    while let Some((tag, value)) = tbs.any() {
        if tag == EXTENSIONS {
            collect_uris(value, &mut uris)?;
        }
    }
    tbs.0.is_empty().then_some(Facts { not_before, not_after, uris })
}

fn collect_uris<'a>(extensions: &'a [u8], uris: &mut Vec<&'a [u8]>) -> Option<()> {
    let mut extensions = Der(Der(extensions).take(SEQUENCE)?);
    while !extensions.0.is_empty() {
        let mut extension = Der(extensions.take(SEQUENCE)?);
        if extension.take(OBJECT_ID)? != SUBJECT_ALT_NAME {
            continue;
        }
        let (mut tag, mut value) = extension.any()?;
        if tag == BOOLEAN {
            (tag, value) = extension.any()?;
        }
        let mut names = Der((tag == OCTET_STRING).then(|| Der(value).take(SEQUENCE))??);
        while !names.0.is_empty() {
            let (tag, value) = names.any()?;
            if tag == URI {
                uris.push(value);
            }
        }
    }
    Some(())
}

/// Two-digit years below 50 are of this century (RFC 5280 section 4.1.2.5.1).
fn time((tag, text): (u8, &[u8])) -> Option<i64> {
    let (year, rest) = match (tag, text.len()) {
        (UTC_TIME, 13) => {
            let year = number(&text[..2])?;
            (if year < 50 { 2000 + year } else { 1900 + year }, &text[2..])
        }
        (GENERALIZED_TIME, 15) => (number(&text[..4])?, &text[4..]),
        _ => return None,
    };
    let at = |i: usize| number(&rest[i..i + 2]);
    let (month, day, hour, minute, second) = (at(0)?, at(2)?, at(4)?, at(6)?, at(8)?);
    let sound = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    (sound && rest[10] == b'Z').then(|| timestamp::days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| n * 10 + i64::from(d - b'0')))
}

/// What is left to read.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value, which must have this tag.
    fn take(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, value) = self.any()?;
        (tag == wanted).then_some(value)
    }

    /// Tag and content of the next value. Tags above 30 and lengths above 64 KiB occur in no certificate.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => (usize::from(*rest.first()?), &rest[1..]),
            0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), &rest[2..]),
            _ => return None,
        };
        let value = rest.get(..length)?;
        self.0 = &rest[length..];
        Some((tag, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::testing::{Authority, Leaf};

    #[test]
    fn reads_dates_and_every_uri() {
        let authority = Authority::new("root");
        let mut leaf = Leaf::named("spiffe://td/ns/a/sa/b");
        leaf.uris.push("https://also".into());
        leaf.not_before = 1_700_000_000;
        leaf.not_after = 2_600_000_000;
        let issued = authority.issue(&leaf);
        let facts = facts(&issued.chain[0]).unwrap();
        assert_eq!((facts.not_before, facts.not_after), (1_700_000_000, 2_600_000_000));
        assert_eq!(facts.uris, [b"spiffe://td/ns/a/sa/b".as_slice(), b"https://also"]);
    }

    #[test]
    fn a_cut_or_bent_certificate_never_panics() {
        let issued = Authority::new("root").issue(&Leaf::named("spiffe://td/ns/a/sa/b"));
        let whole = issued.chain[0].to_vec();
        for end in 0..whole.len() {
            assert_eq!(facts(&whole[..end]), None);
        }
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0x81, 0x82, 0xff] {
                let mut bent = whole.clone();
                bent[at] = value;
                let _ = facts(&bent);
            }
        }
    }
}
