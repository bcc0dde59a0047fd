//! Answers to requests.

use super::{Labels, open, past_fields, stream_fields};
use crate::cache::{Event, Stream};
use crate::client::dialect::text::{push_epoch, push_list, push_millis, push_text, push_u64};
use crate::client::dialect::{Delivery, ErrorCode, RequestId};
use crate::clock::UnixNanos;

/// The end of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'a> {
    /// The id of the request.
    pub request_id: Option<&'a RequestId>,
    /// Our date.
    pub date: UnixNanos,
}

impl Tail<'_> {
    /// Closes the message behind its last field.
    fn push(&self, out: &mut Vec<u8>) {
        if let Some(id) = self.request_id {
            out.extend_from_slice(b",\"requestId\":");
            out.extend_from_slice(id.json().as_bytes());
        }
        out.extend_from_slice(b",\"timestamp\":");
        push_millis(out, self.date);
        out.push(b'}');
    }
}

/// Appends one event of an answer to `history`, behind those before it.
pub fn history_item(out: &mut Vec<u8>, event: &Event<'_>) {
    out.extend_from_slice(if out.is_empty() { b"{" } else { b",{" });
    past_fields(out, event);
    out.extend_from_slice(b",\"seq\":");
    push_u64(out, event.seq);
    out.push(b'}');
}

/// Appends an answer to `history`, of items that were made by [`history_item`]. `complete` says
/// whether all of the range is there.
pub fn history(
    out: &mut Vec<u8>,
    labels: &Labels,
    stream: Stream,
    (items, complete): (&[u8], bool),
    tail: Tail<'_>,
) {
    open(out, b"{\"type\":\"history\",\"data\":{", &labels.instrument);
    stream_fields(out, stream);
    out.extend_from_slice(b",\"events\":[");
    out.extend_from_slice(items);
    out.extend_from_slice(if complete {
        b"],\"complete\":true}"
    } else {
        b"],\"complete\":false}"
    });
    tail.push(out);
}

/// Appends an answer to `instruments`, from pages of the catalogue.
pub fn instruments(out: &mut Vec<u8>, pages: &[&[u8]], tail: Tail<'_>) {
    out.extend_from_slice(b"{\"type\":\"instruments\",\"data\":{\"instruments\":[");
    push_list(out, pages, |out, page| out.extend_from_slice(page));
    out.extend_from_slice(b"]}");
    tail.push(out);
}

/// One line of the answer to `subscriptions`.
#[derive(Clone, Copy, Debug)]
pub enum SubscriptionLine<'a> {
    /// Numbered events of an instrument.
    Stream {
        /// Whose.
        labels: &'a Labels,
        /// Which.
        stream: Stream,
        /// Levels on each side of a book; `None` is all.
        depth: Option<u32>,
        /// How they are delivered.
        delivery: Delivery,
        /// The newest number.
        seq: u64,
    },
    /// The states of all feeds.
    Status,
}

/// Appends the answer to `subscriptions`, of items that were made by [`subscription_item`].
pub fn subscriptions(out: &mut Vec<u8>, items: &[u8], epoch: u64, tail: Tail<'_>) {
    out.extend_from_slice(b"{\"type\":\"subscriptions\",\"data\":{\"subscriptions\":[");
    out.extend_from_slice(items);
    out.extend_from_slice(b"],\"epoch\":");
    push_epoch(out, epoch);
    out.push(b'}');
    tail.push(out);
}

/// Appends one line of the answer to `subscriptions`, behind those before it.
pub fn subscription_item(out: &mut Vec<u8>, line: SubscriptionLine<'_>) {
    if !out.is_empty() {
        out.push(b',');
    }
    let SubscriptionLine::Stream { labels, stream, depth, delivery, seq } = line else {
        out.extend_from_slice(b"{\"channel\":\"status\",\"delivery\":\"all\"}");
        return;
    };
    open(out, b"{", &labels.instrument);
    stream_fields(out, stream);
    if let Some(depth) = depth {
        out.extend_from_slice(b",\"depth\":");
        push_u64(out, u64::from(depth));
    }
    out.extend_from_slice(b",\"delivery\":");
    match delivery {
        Delivery::All => out.extend_from_slice(b"\"all\""),
        Delivery::Latest => out.extend_from_slice(b"\"latest\""),
        Delivery::PerSecond(count) => {
            out.extend_from_slice(b"{\"perSecond\":");
            push_u64(out, u64::from(count.get()));
            out.push(b'}');
        }
    }
    out.extend_from_slice(b",\"seq\":");
    push_u64(out, seq);
    out.push(b'}');
}

/// Which names a request changed, and which the client has after it. As the client wrote them.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    /// Subscribed or unsubscribed by this request.
    pub names: &'a [&'a str],
    /// Every name that the client has now.
    pub current: &'a [&'a str],
    /// Id of the process run.
    pub epoch: u64,
}

/// Appends the success of a subscribe. `recovered` tells, for each name that was to be resumed,
/// whether all was there.
pub fn subscribed(
    out: &mut Vec<u8>,
    changed: Changed<'_>,
    recovered: &[(&str, bool)],
    tail: Tail<'_>,
) {
    success(out, "subscribed to", b"subscribed", changed);
    if !recovered.is_empty() {
        out.extend_from_slice(b",\"recovered\":{");
        push_list(out, recovered, |out, (name, whole)| {
            push_text(out, name);
            out.extend_from_slice(if *whole { b":true" } else { b":false" });
        });
        out.push(b'}');
    }
    out.push(b'}');
    tail.push(out);
}

/// Appends the success of an unsubscribe.
pub fn unsubscribed(out: &mut Vec<u8>, changed: Changed<'_>, tail: Tail<'_>) {
    success(out, "unsubscribed from", b"unsubscribed", changed);
    out.push(b'}');
    tail.push(out);
}

fn success(out: &mut Vec<u8>, what: &str, key: &[u8], changed: Changed<'_>) {
    out.extend_from_slice(b"{\"type\":\"success\",\"message\":\"Successfully ");
    out.extend_from_slice(what.as_bytes());
    out.push(b' ');
    push_u64(out, changed.names.len() as u64);
    out.extend_from_slice(b" symbol(s)\",\"data\":{\"");
    out.extend_from_slice(key);
    out.extend_from_slice(b"\":[");
    push_list(out, changed.names, |out, name| push_text(out, name));
    out.extend_from_slice(b"],\"currentSubscriptions\":[");
    push_list(out, changed.current, |out, name| push_text(out, name));
    out.extend_from_slice(b"],\"epoch\":");
    push_epoch(out, changed.epoch);
}

/// Appends an error.
pub fn error(out: &mut Vec<u8>, code: ErrorCode, message: &str, tail: Tail<'_>) {
    out.extend_from_slice(b"{\"type\":\"error\",\"code\":\"");
    out.extend_from_slice(code.name().as_bytes());
    out.extend_from_slice(b"\",\"message\":");
    push_text(out, message);
    tail.push(out);
}

/// Appends the answer to a ping.
pub fn pong(out: &mut Vec<u8>, tail: Tail<'_>) {
    out.extend_from_slice(b"{\"type\":\"pong\"");
    tail.push(out);
}
