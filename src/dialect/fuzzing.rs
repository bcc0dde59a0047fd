//! What the fuzz target of client requests checks, so that `cargo test` can replay its corpus.

use super::{Answer, Dialect, Dialects, Door, Incoming, Re, Refusal, Request, RequestId};
use crate::clock::UnixNanos;
use crate::limits::{HISTORY_LIMIT_MAX, SYMBOLS_PER_REQUEST_MAX, VIEW_DEPTH_MAX};

/// Reads any bytes as a request of a client at `/`, and writes the answer that a refusal would get.
///
/// # Panics
/// When a request that was accepted is beyond a bound, or an answer is no JSON or does not repeat
/// the request's id: a fault of the dialects.
pub fn request(message: &[u8]) {
    let dialects = Dialects::at(&Door { path: "/" }).expect("clients come in there");
    let (dialect, asked) = dialects.read(&Incoming::text(message));
    let id = asked.request_id.as_ref();
    let refusal = match &asked.request {
        Ok(request) => {
            bounded(request);
            assert!(dialect != Dialect::Commands || id.is_some(), "a command needs an id");
            None
        }
        Err(error) => {
            assert!(error.to_string().len() < 1_024, "an error is short: {error}");
            Some(Refusal::Unread(error.clone()))
        }
    };
    let answer = refusal.as_ref().map_or(Answer::Pong, Answer::Refused);
    let mut out = Vec::new();
    let re = Re { request_id: id, date: UnixNanos(0) };
    assert!(dialect.speech().answer(&mut out, &answer, re), "an answer to every request");
    let absent = (dialect == Dialect::Commands).then_some("null");
    repeats(&out, id.map(RequestId::json).or(absent));
}

/// An accepted request is within the bounds.
fn bounded(request: &Request) {
    match request {
        Request::Subscribe(subscribe) => {
            assert!((1..=SYMBOLS_PER_REQUEST_MAX).contains(&subscribe.names.len()));
            assert!(!subscribe.wishes.is_empty());
            for depth in subscribe.wishes.iter().filter_map(|wish| wish.depth) {
                assert!(depth.get() as usize <= VIEW_DEPTH_MAX);
            }
        }
        Request::Unsubscribe(unsubscribe) => assert!(!unsubscribe.names.is_empty()),
        Request::History(history) => assert!(history.range.limit <= HISTORY_LIMIT_MAX),
        Request::Ping | Request::Subscriptions | Request::Instruments { .. } => {}
    }
}

/// An answer is one JSON object with the request's id as it came.
fn repeats(answer: &[u8], id: Option<&str>) {
    let fields: std::collections::HashMap<&str, &serde_json::value::RawValue> =
        serde_json::from_slice(answer).expect("an answer is JSON");
    assert_eq!(fields.get("requestId").map(|raw| raw.get()), id);
}
