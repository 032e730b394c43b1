//! One request and its response: who asked, who answers, and what is in between.

use std::sync::Arc;

use weft_core::Reason;
use weft_core::action::{Action, Target};
use weft_core::endpoints::EndpointIx;
use weft_core::split::Weighted;
use weft_core::sticky::{Caller, Sticky, Token};
use weft_core::timeouts::{self, Limits};
use weft_http::Known;
use weft_http::h1::RequestKind;
use weft_http::h2::StreamId;

use super::conn::{ConnId, ExchangeId, PoolId};
use super::counted::Counted;
use super::message::Message;

/// On HTTP/1 there is one exchange at a time, so a stream needs no number.
pub const NO_STREAM: StreamId = StreamId(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Side {
    #[default]
    Outbound,
    Inbound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    pub conn: ConnId,
    pub stream: StreamId,
}

/// What the route stage decided; holds what it decided with.
#[derive(Clone)]
pub struct Plan {
    pub action: Arc<Action>,
    /// Index into the action's weighted backends.
    pub weighted: u32,
    /// Index into the engine's backends.
    pub backend: u32,
    /// Whom a sticky split took it from.
    pub caller: Caller,
}

impl Plan {
    /// Of the backend that was drawn.
    pub fn weighted(&self) -> Option<&Weighted> {
        match &self.action.target {
            Target::Split(split) => split.backends.get(self.weighted as usize),
            _ => None,
        }
    }

    /// The cookie that the response brings.
    pub fn cookie(&self) -> Option<(&Sticky, Token)> {
        match (&self.action.target, self.caller) {
            (Target::Split(split), Caller::New(token)) => Some((split.sticky.as_ref()?, token)),
            _ => None,
        }
    }
}

/// Bytes of one direction that the next connection did not take yet.
#[derive(Default)]
pub struct Backlog {
    pub bytes: Vec<u8>,
    /// How much of `bytes` was sent; the rest waits. Only a kept request body has a sent part.
    pub sent: usize,
    /// All of the message arrived.
    pub done: bool,
    /// The end was passed on.
    pub end_sent: bool,
    /// HTTP/1 without a length: data is wrapped in chunks.
    pub chunked: bool,
    pub trailers: Option<Box<Message>>,
    /// Flow-control window that the source gets back when this drains.
    pub owed: u32,
}

impl Backlog {
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        (self.sent, self.done, self.end_sent, self.chunked, self.owed) = (0, false, false, false, 0);
        self.trailers = None;
    }
}

/// A response that weft makes itself.
#[derive(Clone, Debug)]
pub enum Answer {
    Failure { reason: Reason, rule: Option<Arc<str>> },
    Redirect { status: u16, location: Vec<u8>, rule: Arc<str> },
    Fixed { status: u16, body: Box<[u8]>, content_type: Box<str>, reason: Option<Reason>, rule: Arc<str> },
}

impl From<Reason> for Answer {
    fn from(reason: Reason) -> Self {
        Answer::Failure { reason, rule: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    #[default]
    Free,
    /// Waits for configuration, a name, or its next try.
    Waiting,
    /// A try is under way; nothing of a response came.
    Trying,
    /// The response head was passed on.
    Responding,
}

#[derive(Default)]
pub struct Exchange {
    pub phase: Phase,
    pub generation: u32,
    pub side: Side,
    pub down: Option<Leg>,
    pub up: Option<Leg>,
    /// Index of the listener it came in by.
    pub listener: u32,
    pub request: Message,
    pub request_kind: Option<RequestKind>,
    /// The caller's protocol, restored at the far end.
    pub grpc: bool,
    pub upgrade: bool,
    pub to_app: Backlog,
    /// Up to this many bytes of the request's body are kept until a response starts, so that it can be sent again.
    pub keep_bytes: usize,
    /// Some of the body has left and was not kept: the request cannot be sent again.
    pub body_lost: bool,
    pub to_caller: Backlog,
    /// HTTP/1 callers: the end of the connection is the end of the body.
    pub until_close: bool,
    /// When the response head came.
    pub head_us: u64,
    /// HTTP/1.0 callers know no chunks.
    pub caller_is_h10: bool,
    pub raw: bool,
    /// A gRPC status in the trailers speaks of a failing server.
    pub grpc_failed: bool,
    pub plan: Option<Plan>,
    /// Whose connection carries the try.
    pub pool: PoolId,
    pub endpoint: Option<EndpointIx>,
    pub tried: Vec<EndpointIx>,
    pub attempts: u32,
    pub panic: bool,
    pub port: u16,
    pub limits: Option<Limits>,
    pub idle_us: u64,
    /// When the whole exchange, and this try, must be over; 0: never.
    pub deadline_us: u64,
    pub try_deadline_us: u64,
    /// When the place's timer in the wheel fires; 0: there is none. Outlives the exchange.
    pub armed_us: u64,
    pub begun_us: u64,
    pub try_us: u64,
    pub touched_us: u64,
    pub series: Option<u32>,
    /// What was asked for, once that is known.
    pub frontend: Option<Arc<Counted>>,
    pub rule: Option<Arc<str>>,
    pub audited: Vec<Arc<str>>,
    pub answer: Option<Answer>,
    pub status: u16,
    pub reason: Option<Reason>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// The key or name that it waits for.
    pub awaits: Option<String>,
    /// The service that a CONNECT leads to.
    pub enters: Option<Arc<Counted>>,
}

impl Exchange {
    /// What is left of the time that the caller gives, for the next hop. Milliseconds, rounded up.
    pub fn deadline_left_ms(&self) -> Option<u64> {
        let left = self.limits?.left_us(self.begun_us, self.try_us)?;
        Some(left.div_ceil(1000))
    }

    /// What a gRPC caller gives for the whole request, in its own words.
    pub fn asked_deadline_us(&self) -> Option<u64> {
        self.request.known(Known::GrpcTimeout).and_then(timeouts::parse_grpc_timeout)
    }

    /// A gRPC app hears of the deadline in its own words, whoever set it.
    pub fn tell_grpc_what_is_left(&mut self) {
        let left = self.limits.and_then(|limits| limits.left_us(self.begun_us, self.try_us));
        if let (true, Some(left)) = (self.grpc, left) {
            let mut text = Vec::new();
            timeouts::write_grpc_timeout(left, &mut text);
            self.request.set(b"grpc-timeout", &text);
        }
    }

    /// The earlier of its deadlines; None: it has none.
    pub fn next_deadline_us(&self) -> Option<u64> {
        [self.deadline_us, self.try_deadline_us].into_iter().filter(|at| *at > 0).min()
    }

    /// Ready for another request; memory is kept.
    fn reset(&mut self) {
        let mut request = std::mem::take(&mut self.request);
        request.clear();
        let (mut to_app, mut to_caller) = (std::mem::take(&mut self.to_app), std::mem::take(&mut self.to_caller));
        to_app.clear();
        to_caller.clear();
        let mut tried = std::mem::take(&mut self.tried);
        tried.clear();
        let (generation, armed_us) = (self.generation.wrapping_add(1), self.armed_us);
        *self = Exchange { generation, armed_us, request, to_app, to_caller, tried, ..Exchange::default() };
    }
}

/// All exchanges of the loop, by number; freed ones are used again first.
#[derive(Default)]
pub struct Exchanges {
    all: Vec<Exchange>,
    free: Vec<ExchangeId>,
}

impl Exchanges {
    pub fn open(&mut self) -> ExchangeId {
        let id = self.free.pop().unwrap_or_else(|| {
            self.all.push(Exchange::default());
            self.all.len() as ExchangeId - 1
        });
        self.all[id as usize].phase = Phase::Waiting;
        id
    }

    pub fn close(&mut self, id: ExchangeId) {
        let exchange = &mut self.all[id as usize];
        if exchange.phase != Phase::Free {
            exchange.reset();
            self.free.push(id);
        }
    }

    pub fn live(&self) -> usize {
        self.all.len() - self.free.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (ExchangeId, &Exchange)> {
        let numbered = self.all.iter().enumerate().map(|(id, x)| (id as ExchangeId, x));
        numbered.filter(|(_, x)| x.phase != Phase::Free)
    }
}

impl std::ops::Index<ExchangeId> for Exchanges {
    type Output = Exchange;
    #[inline]
    fn index(&self, id: ExchangeId) -> &Exchange {
        &self.all[id as usize]
    }
}

impl std::ops::IndexMut<ExchangeId> for Exchanges {
    #[inline]
    fn index_mut(&mut self, id: ExchangeId) -> &mut Exchange {
        &mut self.all[id as usize]
    }
}
