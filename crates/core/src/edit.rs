//! Header edits, rewrites and redirects.
use crate::Refused;
use weft_proto::v1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// As the user wrote it: HTTP/1 gets it so.
    pub name: Box<[u8]>,
    pub lower: Box<[u8]>,
    pub value: Box<[u8]>,
}

/// What to do with the fields of a message: first drop (removed and set names), then append `set` and `add`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdit {
    pub set: Vec<Header>,
    pub add: Vec<Header>,
    /// Lower case.
    pub remove: Vec<Box<[u8]>>,
}

impl HeaderEdit {
    pub fn compile(_edit: Option<&v1::HeaderEdit>) -> Result<HeaderEdit, Refused> {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }
    /// Does a field of this name (any case) go?
    pub fn drops(&self, _name: &[u8]) -> bool {
        todo!()
    }
    /// What is appended, in order.
    pub fn appended(&self) -> impl Iterator<Item = &Header> {
        self.set.iter().chain(&self.add)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathEdit {
    Full(Box<[u8]>),
    /// Replaces the matched prefix.
    Prefix(Box<[u8]>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    pub host: Option<Box<[u8]>>,
    pub path: Option<PathEdit>,
}

impl Rewrite {
    /// Appends the new path and query to `out`.
    pub fn rewritten_path(&self, _matched_prefix: &[u8], _path_and_query: &[u8], _out: &mut Vec<u8>) {
        todo!()
    }
}

/// What a redirect keeps of the request unless told otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// "http" or "https".
    pub scheme: &'a str,
    /// Without port.
    pub host: &'a [u8],
    /// The port that the client meant.
    pub port: u16,
    pub path_and_query: &'a [u8],
    pub matched_prefix: &'a [u8],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    pub status: u16,
    pub scheme: Option<Box<str>>,
    pub host: Option<Box<[u8]>>,
    pub port: Option<u16>,
    pub path: Option<PathEdit>,
}

impl Redirect {
    /// Appends the value of `Location` to `out`.
    pub fn location(&self, _seen: &Seen<'_>, _out: &mut Vec<u8>) {
        todo!()
    }
}

/// A response that weft makes itself because a rule says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    pub status: u16,
    pub body: Box<[u8]>,
    pub content_type: Box<str>,
    pub reason: Option<crate::Reason>,
}
