//! SETTINGS (RFC 9113 §6.5.2, RFC 8441 §3): ours written, the peer's read.

use super::frame::{self, MAX_31};
use super::{Config, ConnectionError, ErrorCode, Role};
use crate::hpack::DEFAULT_TABLE;

const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// Every window before SETTINGS and WINDOW_UPDATE say otherwise (RFC 9113 §6.9.2).
pub const DEFAULT_WINDOW: u32 = 65_535;

pub const SMALLEST_MAX_FRAME: u32 = 16_384;
pub const LARGEST_MAX_FRAME: u32 = (1 << 24) - 1;

/// Until the peer says how many streams it takes: the least that RFC 9113 §6.5.2 recommends to allow.
const STREAMS_BEFORE_SETTINGS: u32 = 100;

/// What the peer allows us.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub table_size: u32,
    pub max_streams: u32,
    pub initial_window: u32,
    pub max_frame: u32,
    pub max_head_list: u32,
    pub connect_protocol: bool,
    received: bool,
}

impl Default for Peer {
    fn default() -> Peer {
        Peer {
            table_size: DEFAULT_TABLE as u32,
            max_streams: STREAMS_BEFORE_SETTINGS,
            initial_window: DEFAULT_WINDOW,
            max_frame: SMALLEST_MAX_FRAME,
            max_head_list: u32::MAX,
            connect_protocol: false,
            received: false,
        }
    }
}

fn error<T>(code: ErrorCode, reason: &'static str) -> Result<T, ConnectionError> {
    Err(ConnectionError { code, reason })
}

impl Peer {
    /// The settings after this frame. `payload` is a multiple of six bytes.
    pub fn updated(mut self, payload: &[u8], role: Role) -> Result<Peer, ConnectionError> {
        if !self.received {
            // No limit unless the first SETTINGS has one (RFC 9113 §6.5.2).
            self.max_streams = u32::MAX;
            self.received = true;
        }
        for entry in payload.chunks_exact(6) {
            self.apply(u16::from_be_bytes([entry[0], entry[1]]), frame::number(entry, 2), role)?;
        }
        Ok(self)
    }

    fn apply(&mut self, id: u16, value: u32, role: Role) -> Result<(), ConnectionError> {
        match id {
            HEADER_TABLE_SIZE => self.table_size = value,
            ENABLE_PUSH if value > 1 || (value == 1 && role == Role::Client) => {
                return error(ErrorCode::PROTOCOL_ERROR, "SETTINGS_ENABLE_PUSH has a value it may not have");
            }
            MAX_CONCURRENT_STREAMS => self.max_streams = value,
            INITIAL_WINDOW_SIZE if value > MAX_31 => {
                return error(ErrorCode::FLOW_CONTROL_ERROR, "SETTINGS_INITIAL_WINDOW_SIZE is above 2^31-1");
            }
            INITIAL_WINDOW_SIZE => self.initial_window = value,
            MAX_FRAME_SIZE if !(SMALLEST_MAX_FRAME..=LARGEST_MAX_FRAME).contains(&value) => {
                return error(ErrorCode::PROTOCOL_ERROR, "SETTINGS_MAX_FRAME_SIZE is out of range");
            }
            MAX_FRAME_SIZE => self.max_frame = value,
            MAX_HEADER_LIST_SIZE => self.max_head_list = value,
            ENABLE_CONNECT_PROTOCOL if value > 1 || (value == 0 && self.connect_protocol) => {
                return error(
                    ErrorCode::PROTOCOL_ERROR,
                    "SETTINGS_ENABLE_CONNECT_PROTOCOL has a value it may not have",
                );
            }
            ENABLE_CONNECT_PROTOCOL => self.connect_protocol = value == 1,
            _ => {}
        }
        Ok(())
    }
}

/// Only what differs from the defaults.
pub fn write(out: &mut Vec<u8>, config: &Config) {
    let server = config.role == Role::Server;
    let entries = [
        (HEADER_TABLE_SIZE, config.header_table_size, config.header_table_size != DEFAULT_TABLE as u32),
        (ENABLE_PUSH, 0, !server),
        (MAX_CONCURRENT_STREAMS, config.max_concurrent_streams, server),
        (INITIAL_WINDOW_SIZE, config.initial_stream_window, config.initial_stream_window != DEFAULT_WINDOW),
        (MAX_FRAME_SIZE, config.max_frame_size, config.max_frame_size != SMALLEST_MAX_FRAME),
        (MAX_HEADER_LIST_SIZE, config.limits.head_bytes, true),
        (ENABLE_CONNECT_PROTOCOL, 1, server && config.enable_connect_protocol),
    ];
    let mut payload = [0; 42];
    let mut length = 0;
    for (id, value, _) in entries.iter().filter(|(.., sent)| *sent) {
        payload[length..length + 2].copy_from_slice(&id.to_be_bytes());
        payload[length + 2..length + 6].copy_from_slice(&value.to_be_bytes());
        length += 6;
    }
    frame::write(out, frame::SETTINGS, 0, 0, &payload[..length]);
}
