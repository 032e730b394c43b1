//! Small texts that the proxy writes into requests.

use weft_http::Known;

use super::message::Message;

/// The address of who called is appended, the scheme kept or said.
pub fn forwarded_for(request: &mut Message, ip: std::net::IpAddr) {
    use std::io::Write;
    let mut text = [0u8; 48];
    let mut rest = &mut text[..];
    let _ = write!(rest, "{ip}");
    let left = rest.len();
    let written = text.len() - left;
    match request.known(Known::XForwardedFor).map(<[u8]>::to_vec) {
        Some(mut value) => {
            value.extend_from_slice(b", ");
            value.extend_from_slice(&text[..written]);
            request.set(b"x-forwarded-for", &value);
        }
        None => request.add(b"x-forwarded-for", &text[..written], Known::XForwardedFor),
    }
    if request.known(Known::XForwardedProto).is_none() {
        request.add(b"x-forwarded-proto", b"http", Known::XForwardedProto);
    }
}

/// Without formatting machinery, as is what follows: they are written for every request.
pub fn decimal(mut n: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return &digits[at..];
        }
    }
}

/// Random UUID (RFC 9562, version 4) in text.
pub fn uuid(high: u64, low: u64) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = [0u8; 16];
    bytes[..8].copy_from_slice(&high.to_be_bytes());
    bytes[8..].copy_from_slice(&low.to_be_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.iter().enumerate() {
        at += usize::from(matches!(i, 4 | 6 | 8 | 10));
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_version_and_shape() {
        let text = String::from_utf8(uuid(u64::MAX, 0).to_vec()).unwrap();
        assert_eq!(text, "ffffffff-ffff-4fff-8000-000000000000");
    }

    #[test]
    fn decimals_are_written_without_formatting() {
        let mut digits = [0; 20];
        assert_eq!(decimal(0, &mut digits), b"0");
        assert_eq!(decimal(u64::MAX, &mut digits), b"18446744073709551615");
    }

    #[test]
    fn callers_are_appended_to_x_forwarded_for() {
        let mut request = Message::default();
        request.add(b"x-forwarded-for", b"192.0.2.1", Known::XForwardedFor);
        forwarded_for(&mut request, "127.0.0.1".parse().unwrap());
        assert_eq!(request.known(Known::XForwardedFor), Some(&b"192.0.2.1, 127.0.0.1"[..]));
        assert_eq!(request.known(Known::XForwardedProto), Some(&b"http"[..]));
    }
}
