//! What clients of dialect 1 are answered.

use super::tell::open;
use crate::dialect::json::stream_fields;
use crate::dialect::text::{push_epoch, push_list, push_millis, push_text, push_u64};
use crate::dialect::{Answer, Changed, Delivery, Past, Re, Refusal, RequestId, SubscriptionLine};

/// Appends an answer; nothing, and false, for what this dialect says otherwise.
pub(super) fn push_answer(out: &mut Vec<u8>, answer: &Answer<'_>, re: Re<'_>) -> bool {
    match *answer {
        Answer::Subscribed(changed, recovered) => push_subscribed(out, changed, recovered),
        Answer::Unsubscribed(changed) => {
            push_success(out, "unsubscribed from", b"unsubscribed", changed);
            out.push(b'}');
        }
        Answer::Pong => out.extend_from_slice(b"{\"type\":\"pong\""),
        Answer::Refused(refusal) => push_error(out, refusal),
        Answer::Subscriptions { items, epoch } => {
            out.extend_from_slice(b"{\"type\":\"subscriptions\",\"data\":{\"subscriptions\":[");
            out.extend_from_slice(items);
            out.extend_from_slice(b"],\"epoch\":");
            push_epoch(out, epoch);
            out.push(b'}');
        }
        // The history itself says it.
        Answer::HistoryFound(_) => return false,
        Answer::History(past, items) => push_history(out, past, items),
        Answer::Instruments(pages) => {
            out.extend_from_slice(b"{\"type\":\"instruments\",\"data\":{\"instruments\":[");
            push_list(out, pages, |out, page| out.extend_from_slice(page));
            out.extend_from_slice(b"]}");
        }
    }
    if let Some(id) = re.request_id.map(RequestId::json) {
        out.extend_from_slice(b",\"requestId\":");
        out.extend_from_slice(id.as_bytes());
    }
    out.extend_from_slice(b",\"timestamp\":");
    push_millis(out, re.date);
    out.push(b'}');
    true
}

fn push_history(out: &mut Vec<u8>, past: Past<'_>, items: &[u8]) {
    open(out, b"{\"type\":\"history\",\"data\":{", past.label.whole());
    stream_fields(out, past.stream);
    out.extend_from_slice(b",\"events\":[");
    out.extend_from_slice(items);
    out.extend_from_slice(if past.complete {
        b"],\"complete\":true}"
    } else {
        b"],\"complete\":false}"
    });
}

/// Appends one line of a list of subscriptions, behind those before it.
pub(super) fn push_subscription(items: &mut Vec<u8>, line: &SubscriptionLine<'_>) {
    if !items.is_empty() {
        items.push(b',');
    }
    let SubscriptionLine::Stream { label, stream, depth, delivery, seq } = *line else {
        items.extend_from_slice(b"{\"channel\":\"status\",\"delivery\":\"all\"}");
        return;
    };
    open(items, b"{", label.whole());
    stream_fields(items, stream);
    if let Some(depth) = depth {
        items.extend_from_slice(b",\"depth\":");
        push_u64(items, u64::from(depth.get()));
    }
    items.extend_from_slice(b",\"delivery\":");
    match delivery {
        Delivery::All => items.extend_from_slice(b"\"all\""),
        Delivery::Latest => items.extend_from_slice(b"\"latest\""),
        Delivery::PerSecond(count) => {
            items.extend_from_slice(b"{\"perSecond\":");
            push_u64(items, u64::from(count.get()));
            items.push(b'}');
        }
    }
    items.extend_from_slice(b",\"seq\":");
    push_u64(items, seq);
    items.push(b'}');
}

fn push_subscribed(out: &mut Vec<u8>, changed: Changed<'_>, recovered: &[(&str, bool)]) {
    push_success(out, "subscribed to", b"subscribed", changed);
    if !recovered.is_empty() {
        out.extend_from_slice(b",\"recovered\":{");
        push_list(out, recovered, |out, (name, whole)| {
            push_text(out, name);
            out.extend_from_slice(if *whole { b":true" } else { b":false" });
        });
        out.push(b'}');
    }
    out.push(b'}');
}

fn push_success(out: &mut Vec<u8>, what: &str, key: &[u8], changed: Changed<'_>) {
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

fn push_error(out: &mut Vec<u8>, refusal: &Refusal) {
    out.extend_from_slice(b"{\"type\":\"error\",\"code\":\"");
    out.extend_from_slice(refusal.code().name().as_bytes());
    out.extend_from_slice(b"\",\"message\":");
    push_text(out, &refusal.to_string());
}
