//! The book that deltas are joined to, which comes by a request beside the stream.

use serde::Deserialize;

use crate::exchange::rest::malformed;
use crate::exchange::{BookSnapshot, RestError, SnapshotDepth};
use crate::tick::{Decimal, Level, Side};

/// Spot books. Levels beyond a snapshot stay unknown until touched: at 1,000 levels of BTCUSDT that is
/// 240 USD away, at 5,000 about 1,000 USD (measured 2026-08), so that only a book of fewer levels
/// is asked for in less than the greatest depth. Weights: "Order book", spot REST (2026-10).
pub(super) const SPOT_DEPTHS: &[SnapshotDepth] = &[
    SnapshotDepth { levels: 100, weight: 5 },
    SnapshotDepth { levels: 500, weight: 25 },
    SnapshotDepth { levels: 1_000, weight: 50 },
    SnapshotDepth { levels: 5_000, weight: 250 },
];

/// Futures books; other limits than 5 to 1,000 are refused with -4021. Weights: as above, futures.
pub(super) const FUTURES_DEPTHS: &[SnapshotDepth] = &[
    SnapshotDepth { levels: 100, weight: 5 },
    SnapshotDepth { levels: 500, weight: 10 },
    SnapshotDepth { levels: 1_000, weight: 20 },
];

pub(super) fn spot_snapshot_path(native: &str, levels: u32) -> String {
    format!("/api/v3/depth?symbol={}&limit={levels}", encoded(native))
}

pub(super) fn futures_snapshot_path(native: &str, levels: u32) -> String {
    format!("/fapi/v1/depth?symbol={}&limit={levels}", encoded(native))
}

/// A native symbol inside a query; some have letters beyond ASCII.
fn encoded(native: &str) -> String {
    let mut text = String::with_capacity(native.len());
    for byte in native.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[derive(Deserialize)]
struct DepthBody<'a> {
    /// -1 for a book that never had an order.
    #[serde(rename = "lastUpdateId")]
    last_update_id: i64,
    #[serde(borrow)]
    bids: Vec<(&'a str, &'a str)>,
    #[serde(borrow)]
    asks: Vec<(&'a str, &'a str)>,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: i64,
    #[serde(default)]
    msg: String,
}

/// Reads a depth body of either market; futures' has `E` and `T` besides.
pub(super) fn read_snapshot(body: &[u8]) -> Result<BookSnapshot, RestError> {
    let depth: DepthBody<'_> = read_body(body)?;
    let mut levels = Vec::with_capacity(depth.bids.len() + depth.asks.len());
    for (side, field, entries) in [(Side::Bid, "bids", depth.bids), (Side::Ask, "asks", depth.asks)]
    {
        for (price, size) in entries {
            let (at, resting) = (number(field, price)?, number(field, size)?);
            if resting.is_negative() {
                return Err(no_number(field, size));
            }
            levels.push(Level { side, price: at, size: resting });
        }
    }
    let last_update_id = u64::try_from(depth.last_update_id).unwrap_or(0);
    Ok(BookSnapshot { last_update_id, levels })
}

/// Reads a body, or the error that the exchange sent in its place.
pub(super) fn read_body<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, RestError> {
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { code, msg: message }) => RestError::Refused { code, message },
        Err(_) => malformed(&error),
    })
}

fn number(field: &'static str, text: &str) -> Result<Decimal, RestError> {
    Decimal::parse(text.as_bytes()).map_err(|_| no_number(field, text))
}

fn no_number(field: &'static str, text: &str) -> RestError {
    RestError::Number { field, value: text.chars().take(40).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_body_of_either_market_is_read() {
        let spot = br#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}"#;
        let snapshot = read_snapshot(spot).expect("reads");
        assert_eq!(snapshot.last_update_id, 160);
        let sides: Vec<_> = snapshot.levels.iter().map(|level| level.side).collect();
        assert_eq!(sides, [Side::Bid, Side::Ask]);
        assert_eq!(snapshot.levels[1].price.to_string(), "0.0026");

        let futures = br#"{"lastUpdateId":5,"E":1,"T":2,"bids":[],"asks":[]}"#;
        assert_eq!(read_snapshot(futures).expect("reads").levels, []);
        let fresh = br#"{"lastUpdateId":-1,"bids":[],"asks":[]}"#;
        assert_eq!(read_snapshot(fresh).expect("reads").last_update_id, 0);
    }

    #[test]
    fn a_bad_depth_body_says_what_is_wrong() {
        let refused = br#"{"code":-1121,"msg":"Invalid symbol."}"#;
        let error = read_snapshot(refused).expect_err("refused");
        assert_eq!(error.to_string(), "the exchange refused with code -1121: Invalid symbol.");
        let huge = br#"{"lastUpdateId":1,"bids":[["1","46116860414.00000000"]],"asks":[]}"#;
        let error = read_snapshot(huge).expect_err("19 digits");
        let field = "bids is \"46116860414.00000000\", no decimal of at most 18 digits";
        assert_eq!(error.to_string(), field);
        let cut = br#"{"lastUpdateId":1,"bids":[["1","#;
        assert!(matches!(read_snapshot(cut), Err(RestError::Malformed { line: 1, .. })));
        assert!(read_snapshot(b"").is_err());
        assert!(read_snapshot(br#"{"lastUpdateId":1,"bids":[["1","-1"]],"asks":[]}"#).is_err());
    }

    #[test]
    fn names_beyond_ascii_are_encoded_in_the_query() {
        assert_eq!(
            futures_snapshot_path("币USDT", 1_000),
            "/fapi/v1/depth?symbol=%E5%B8%81USDT&limit=1000"
        );
    }
}
