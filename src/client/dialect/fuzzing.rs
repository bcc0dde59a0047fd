//! What the fuzz target of client requests checks, so that `cargo test` can replay its corpus.

use super::actions::encode::{self, Tail};
use super::{Asked, Parsed, commands, parse};
use crate::clock::UnixNanos;
use crate::limits::{HISTORY_LIMIT_MAX, SYMBOLS_PER_REQUEST_MAX, VIEW_DEPTH_MAX};

/// Reads any bytes as a request, and writes the answer that a refusal would get.
///
/// # Panics
/// When a request that was accepted is beyond a bound, or an answer is no JSON or does not repeat
/// the request's id: a fault of the dialects.
pub fn request(message: &[u8]) {
    let mut out = Vec::new();
    match parse(message) {
        Parsed::Actions(asked) => {
            bounded(&asked);
            let request_id = asked.request_id.as_ref();
            let tail = Tail { request_id, date: UnixNanos(0) };
            match &asked.request {
                Ok(_) => encode::pong(&mut out, tail),
                Err(error) => encode::error(&mut out, error.code(), &error.to_string(), tail),
            }
            repeats(&out, request_id.map(super::RequestId::json));
        }
        Parsed::Commands(Asked { request_id, request }) => {
            let id = request_id.as_ref();
            match &request {
                Ok(_) => commands::encode::pong(&mut out, id, UnixNanos(0)),
                Err(error) => {
                    commands::encode::failure(&mut out, id, error.code(), &error.to_string());
                }
            }
            assert!(request.is_err() || id.is_some(), "a command needs an id");
            repeats(&out, Some(id.map_or("null", super::RequestId::json)));
        }
    }
}

/// An accepted request is within the bounds.
fn bounded(asked: &Asked<super::actions::Request>) {
    use super::actions::Request;

    match &asked.request {
        Ok(Request::Subscribe(subscribe)) => {
            assert!(subscribe.symbols.len() <= SYMBOLS_PER_REQUEST_MAX);
            assert!(!subscribe.channels.is_empty());
            assert!(subscribe.depth.is_none_or(|depth| depth.get() as usize <= VIEW_DEPTH_MAX));
        }
        Ok(Request::Unsubscribe(unsubscribe)) => assert!(!unsubscribe.symbols.is_empty()),
        Ok(Request::History(history)) => assert!(history.range.limit <= HISTORY_LIMIT_MAX),
        Ok(Request::Ping | Request::Subscriptions | Request::Instruments { .. }) => {}
        Err(error) => assert!(error.to_string().len() < 1_024, "an error is short: {error}"),
    }
}

/// An answer is one JSON object with the request's id as it came.
fn repeats(answer: &[u8], id: Option<&str>) {
    let fields: std::collections::HashMap<&str, &serde_json::value::RawValue> =
        serde_json::from_slice(answer).expect("an answer is JSON");
    assert_eq!(fields.get("requestId").map(|raw| raw.get()), id);
}
