//! What clients of dialect 2 are answered.

use crate::dialect::text::{push_list, push_millis, push_text, push_u64};
use crate::dialect::{Answer, Past, Re, Refusal, RequestId};

/// Appends an answer; nothing, and false, for what no command asks for.
pub(super) fn push_answer(out: &mut Vec<u8>, answer: &Answer<'_>, re: Re<'_>) -> bool {
    let id = re.request_id.map_or("null", RequestId::json);
    match *answer {
        Answer::Subscribed(changed, _) | Answer::Unsubscribed(changed) => {
            response(out, id, b"true,\"data\":{\"following\":[");
            push_list(out, changed.current, |out, name| push_text(out, name));
            out.extend_from_slice(b"]}}");
        }
        Answer::Pong => {
            response(out, id, b"true,\"data\":{\"pong\":true,\"timestamp\":");
            push_millis(out, re.date);
            out.extend_from_slice(b"}}");
        }
        Answer::Refused(refusal) => push_failure(out, id, refusal),
        Answer::Subscriptions { .. } => return false,
        Answer::HistoryFound(past) => push_found(out, id, past),
        Answer::History(past, items) => push_history(out, id, past, items),
        Answer::Instruments(pages) => {
            response(out, id, b"true,\"data\":{\"instruments\":[");
            push_list(out, pages, |out, page| out.extend_from_slice(page));
            out.extend_from_slice(b"]}}");
        }
    }
    true
}

/// The beginning of a response up to its verdict. A command without an id is answered with `null`.
fn response(out: &mut Vec<u8>, id: &str, verdict: &[u8]) {
    out.extend_from_slice(b"{\"type\":\"response\",\"requestId\":");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b",\"success\":");
    out.extend_from_slice(verdict);
}

fn push_failure(out: &mut Vec<u8>, id: &str, refusal: &Refusal) {
    response(out, id, b"false,\"error\":{\"code\":\"");
    out.extend_from_slice(refusal.code().name().as_bytes());
    out.extend_from_slice(b"\",\"message\":");
    push_text(out, &refusal.to_string());
    out.extend_from_slice(b"}}");
}

/// The verdict on `history`, before its `historical_data`.
fn push_found(out: &mut Vec<u8>, id: &str, past: Past<'_>) {
    response(out, id, b"true,\"data\":{");
    out.extend_from_slice(past.label.pieces().0);
    out.extend_from_slice(b"\"count\":");
    push_u64(out, past.count as u64);
    out.extend_from_slice(if past.complete {
        b",\"complete\":true}}"
    } else {
        b",\"complete\":false}}"
    });
}

/// Trades, or candles where there is an interval.
fn push_history(out: &mut Vec<u8>, id: &str, past: Past<'_>, items: &[u8]) {
    out.extend_from_slice(b"{\"type\":\"historical_data\",\"requestId\":");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b",\"data\":{");
    out.extend_from_slice(past.label.pieces().0);
    match past.stream.interval() {
        None => out.extend_from_slice(b"\"ticks\":["),
        Some(interval) => {
            out.extend_from_slice(b"\"interval\":\"");
            out.extend_from_slice(interval.name().as_bytes());
            out.extend_from_slice(b"\",\"candles\":[");
        }
    }
    out.extend_from_slice(items);
    out.extend_from_slice(b"]}}");
}
