//! Why a message was refused: one variant per reason, each with the status to answer and a text to act on.

use std::fmt;

#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// The head, or its trailer section, is larger than the limit.
    TooLarge,
    TooManyFields,
    /// LF without CR before it.
    BareLf,
    /// CR without LF after it.
    BareCr,
    BadRequestLine,
    BadMethod,
    /// Whitespace, control or non-ASCII bytes, a fragment, or none of the four forms.
    BadTarget,
    BadStatusLine,
    BadVersion,
    /// A continuation line.
    ObsFold,
    SpaceBeforeField,
    SpaceBeforeColon,
    EmptyName,
    BadName,
    BadValue,
    MissingHost,
    DuplicateHost,
    BadHost,
    HostMismatch,
    BadContentLength,
    DuplicateContentLength,
    BadTransferEncoding,
    DuplicateTransferEncoding,
    TransferEncodingInHttp10,
    /// Content-Length together with Transfer-Encoding.
    ConflictingLength,
    /// Body framing on a message that cannot have a body (1xx, 204, CONNECT).
    UnexpectedBody,
    /// A 101 for a request that asked for no other protocol.
    UnexpectedSwitch,
    BadChunkSize,
    ChunkExtension,
    /// No CRLF where a chunk has to end.
    BadChunkEnd,
    ForbiddenTrailer,
    /// The connection ended inside a message.
    Truncated,
}

impl Malformed {
    /// The status that tells the sender of such a request. For a response the proxy answers 502.
    pub fn status(&self) -> u16 {
        match self {
            Malformed::TooLarge | Malformed::TooManyFields => 431,
            Malformed::BadVersion => 505,
            Malformed::BadTransferEncoding => 501,
            _ => 400,
        }
    }

    fn text(&self) -> &'static str {
        use Malformed::*;
        match self {
            TooLarge => "head or trailer section is larger than the limit: shorten cookies or raise the limit",
            TooManyFields => "more field lines than the limit",
            BareLf => "line ends in LF without CR: the sender must end lines with CRLF",
            BareCr => "CR without LF after it",
            BadRequestLine => "request line is not `method SP target SP version`",
            BadMethod => "method is not a token",
            BadTarget => "request-target is not a valid URI reference: the sender must percent-encode it",
            BadStatusLine => "status line is not `HTTP/1.1 SP code SP reason`",
            BadVersion => "version is neither HTTP/1.1 nor HTTP/1.0",
            ObsFold => "field value continues on a second line (obsolete line folding)",
            SpaceBeforeField => "whitespace before the first field line",
            SpaceBeforeColon => "whitespace between field name and colon",
            EmptyName => "field line without a name",
            BadName => "field name is not a token, or its colon is missing",
            BadValue => "control byte in a field value",
            MissingHost => "HTTP/1.1 request without a Host field",
            DuplicateHost => "more than one Host field",
            BadHost => "Host is not `name[:port]`",
            HostMismatch => "Host differs from the authority in the request-target",
            BadContentLength => "Content-Length is not one decimal number",
            DuplicateContentLength => "more than one Content-Length field",
            BadTransferEncoding => "Transfer-Encoding is not exactly `chunked`",
            DuplicateTransferEncoding => "more than one Transfer-Encoding field",
            TransferEncodingInHttp10 => "Transfer-Encoding in an HTTP/1.0 message",
            ConflictingLength => "both Content-Length and Transfer-Encoding: possible request smuggling",
            UnexpectedBody => "body length announced on a message that has no body (1xx, 204 or CONNECT)",
            UnexpectedSwitch => "101 although the request asked for no other protocol",
            BadChunkSize => "chunk size is not a hexadecimal number of at most 16 digits",
            ChunkExtension => "chunk extensions are not accepted",
            BadChunkEnd => "chunk data is not followed by CRLF",
            ForbiddenTrailer => "trailer section holds a field that frames, routes or authenticates the message",
            Truncated => "connection closed before the message was complete",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_whose_fault_it_is() {
        let table = [
            (Malformed::TooLarge, 431),
            (Malformed::TooManyFields, 431),
            (Malformed::BadVersion, 505),
            (Malformed::BadTransferEncoding, 501),
            (Malformed::DuplicateTransferEncoding, 400),
            (Malformed::ConflictingLength, 400),
            (Malformed::BadTarget, 400),
            (Malformed::ForbiddenTrailer, 400),
        ];
        for (reason, status) in table {
            assert_eq!(reason.status(), status, "{reason:?}");
        }
    }

    #[test]
    fn reasons_that_are_easily_confused_have_texts_that_tell_them_apart() {
        let table = [
            (Malformed::BareLf, "LF without CR"),
            (Malformed::BareCr, "CR without LF"),
            (Malformed::SpaceBeforeField, "first field line"),
            (Malformed::SpaceBeforeColon, "and colon"),
            (Malformed::MissingHost, "without a Host"),
            (Malformed::DuplicateHost, "more than one Host"),
            (Malformed::BadHost, "Host is not"),
            (Malformed::HostMismatch, "Host differs"),
            (Malformed::BadContentLength, "not one decimal"),
            (Malformed::DuplicateContentLength, "more than one Content-Length"),
            (Malformed::DuplicateTransferEncoding, "more than one Transfer-Encoding"),
            (Malformed::ConflictingLength, "both Content-Length and Transfer-Encoding"),
        ];
        for (reason, words) in table {
            let said: Vec<Malformed> =
                table.map(|(other, _)| other).into_iter().filter(|o| o.to_string().contains(words)).collect();
            assert_eq!(said, [reason], "{words}");
        }
    }
}
