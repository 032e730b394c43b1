use crate::Head;
use std::ops::Range;

pub fn write_request_line(_out: &mut Vec<u8>, _method: &[u8], _target: &[u8]) {
    todo!()
}
pub fn write_status_line(_out: &mut Vec<u8>, _status: u16) {
    todo!()
}
pub fn reason(_status: u16) -> &'static str {
    todo!()
}
pub fn write_field(_out: &mut Vec<u8>, _name: &[u8], _value: &[u8]) {
    todo!()
}
/// Copies a run of consecutive field lines as they are, in one piece. `bytes` is what [`Head::bytes`] returns.
pub fn write_lines(_out: &mut Vec<u8>, _head: &Head, _bytes: &[u8], _fields: Range<usize>) {
    todo!()
}
pub fn write_content_length(_out: &mut Vec<u8>, _n: u64) {
    todo!()
}
pub fn write_chunked(_out: &mut Vec<u8>) {
    todo!()
}
pub fn end_head(_out: &mut Vec<u8>) {
    todo!()
}
pub fn write_chunk_size(_out: &mut Vec<u8>, _size: usize) {
    todo!()
}
pub fn write_chunk(_out: &mut Vec<u8>, _data: &[u8]) {
    todo!()
}
pub fn write_last_chunk(_out: &mut Vec<u8>) {
    todo!()
}
pub fn start_trailers(_out: &mut Vec<u8>) {
    todo!()
}
