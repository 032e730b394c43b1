//! Why a decoded HTTP/2 field list is not a message (RFC 9113 §8.1.1). The connection goes on without the stream.

use std::fmt;

#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Larger than the announced SETTINGS_MAX_HEADER_LIST_SIZE.
    TooLarge,
    TooManyFields,
    /// Not a token, or with capitals.
    BadName,
    /// Control bytes, or whitespace at an end.
    BadValue,
    /// Connection, Keep-Alive, Proxy-Connection, Transfer-Encoding, Upgrade, or TE other than `trailers`.
    ConnectionField,
    UnknownPseudo,
    DuplicatePseudo,
    PseudoAfterField,
    /// `:status` in a request, a request's in a response, any in trailers.
    MisplacedPseudo,
    MissingPseudo,
    BadMethod,
    BadPath,
    BadAuthority,
    BadScheme,
    BadProtocol,
    BadStatus,
    DuplicateHost,
    BadHost,
    /// Host names another authority than `:authority`.
    HostMismatch,
    BadContentLength,
    DuplicateContentLength,
    /// Content-Length and the DATA frames disagree.
    LengthMismatch,
    ForbiddenTrailer,
}

impl Fault {
    /// Only too much, not wrong: worth an answer of 431 rather than a reset.
    pub fn is_excess(self) -> bool {
        matches!(self, Fault::TooLarge | Fault::TooManyFields)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Fault::*;
        f.write_str(match self {
            TooLarge => "field list is larger than the limit",
            TooManyFields => "more fields than the limit",
            BadName => "field name is not a lower-case token",
            BadValue => "control byte, or whitespace at an end, in a field value",
            ConnectionField => "field that speaks about an HTTP/1 connection",
            UnknownPseudo => "unknown pseudo-header field",
            DuplicatePseudo => "pseudo-header field given twice",
            PseudoAfterField => "pseudo-header field behind a regular field",
            MisplacedPseudo => "pseudo-header field that does not belong in such a message",
            MissingPseudo => "a required pseudo-header field is missing",
            BadMethod => ":method is not a token",
            BadPath => ":path is not an absolute path",
            BadAuthority => ":authority is not `host[:port]`",
            BadScheme => ":scheme is not a scheme",
            BadProtocol => ":protocol is not a token",
            BadStatus => ":status is not three digits",
            DuplicateHost => "more than one host field",
            BadHost => "host is not `name[:port]`",
            HostMismatch => "host differs from :authority",
            BadContentLength => "content-length is not one decimal number",
            DuplicateContentLength => "more than one content-length field",
            LengthMismatch => "content-length differs from the length of the data",
            ForbiddenTrailer => "trailers hold a field that frames, routes or authenticates the message",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_too_much_is_excess() {
        let table = [
            (Fault::TooLarge, true),
            (Fault::TooManyFields, true),
            (Fault::BadValue, false),
            (Fault::ConnectionField, false),
            (Fault::LengthMismatch, false),
            (Fault::ForbiddenTrailer, false),
        ];
        for (fault, excess) in table {
            assert_eq!(fault.is_excess(), excess, "{fault:?}");
        }
    }

    #[test]
    fn faults_that_are_easily_confused_have_texts_that_tell_them_apart() {
        let table = [
            (Fault::UnknownPseudo, "unknown"),
            (Fault::DuplicatePseudo, "twice"),
            (Fault::PseudoAfterField, "behind"),
            (Fault::MisplacedPseudo, "does not belong"),
            (Fault::MissingPseudo, "missing"),
            (Fault::BadAuthority, ":authority is not"),
            (Fault::HostMismatch, "differs from :authority"),
            (Fault::BadHost, "host is not"),
            (Fault::DuplicateHost, "more than one host"),
            (Fault::BadContentLength, "decimal"),
            (Fault::DuplicateContentLength, "more than one content-length"),
            (Fault::LengthMismatch, "length of the data"),
        ];
        for (fault, words) in table {
            let said: Vec<Fault> =
                table.map(|(other, _)| other).into_iter().filter(|o| o.to_string().contains(words)).collect();
            assert_eq!(said, [fault], "{words}");
        }
    }
}
