//! What a peer may cost us without getting anything done. There is no clock here: costs are counted against useful
//! work, or between two flushes.

use super::{ConnectionError, ErrorCode};

/// Requests that only cost: reset before any answer (CVE-2023-44487), refused, malformed, or followed by a frame for
/// which we have to reset them (CVE-2025-8671). Each answer given takes one off again, so a client that cancels half of what it asks for is never near. nghttp2 allows the same burst.
pub const STRAIN: u32 = 1000;

/// Acknowledgements and resets that wait in the output because the peer does not read (CVE-2019-9512, CVE-2019-9515):
/// 17 KB at most. nghttp2 takes the same number.
pub const REPLIES: u32 = 1000;

/// DATA, HEADERS and CONTINUATION frames without content, in a row (CVE-2019-9518). Some libraries flush with one now
/// and then; none sends two.
pub const EMPTY_FRAMES: u32 = 100;

/// CONTINUATION frames of one head (CVE-2024-27316). A head at the size limit needs four full ones.
pub const CONTINUATIONS: u32 = 16;

/// A compressed head may be this many times the limit of the decoded one before the connection is given up: it must be
/// decoded even when refused, since the HPACK tables depend on it.
pub const BLOCK_FACTOR: usize = 2;

/// 1xx heads before the final one, per stream: 100 and 103 come once, 102 every so often from very slow servers.
pub const INFORMATIONAL_HEADS: u8 = 32;

/// weft's HELLO carries an identity, a version and a list of capabilities.
pub const HELLO_BYTES: usize = 4096;

#[derive(Default)]
pub struct Guard {
    strain: u32,
    replies: u32,
    empty_frames: u32,
}

impl Guard {
    /// A request that was only cost.
    pub fn strain(&mut self) -> Result<(), ConnectionError> {
        self.strain += 1;
        calm(self.strain <= STRAIN, "too many requests reset, refused or malformed without any being answered")
    }

    /// A request was answered.
    #[inline]
    pub fn useful(&mut self) {
        self.strain = self.strain.saturating_sub(1);
    }

    pub fn reply(&mut self) -> Result<(), ConnectionError> {
        self.replies += 1;
        calm(self.replies <= REPLIES, "too many PING, SETTINGS or bad frames to answer at once")
    }

    #[inline]
    pub fn flushed(&mut self) {
        self.replies = 0;
    }

    pub fn empty_frame(&mut self) -> Result<(), ConnectionError> {
        self.empty_frames += 1;
        calm(self.empty_frames <= EMPTY_FRAMES, "too many frames without content in a row")
    }

    #[inline]
    pub fn frame_with_content(&mut self) {
        self.empty_frames = 0;
    }
}

pub fn calm(fine: bool, reason: &'static str) -> Result<(), ConnectionError> {
    if fine { Ok(()) } else { Err(ConnectionError { code: ErrorCode::ENHANCE_YOUR_CALM, reason }) }
}
