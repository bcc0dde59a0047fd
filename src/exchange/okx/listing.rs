//! The list of instruments beside the stream.

use std::borrow::Cow;

use arrayvec::ArrayString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbol;
use crate::exchange::rest::{Rows, if_stated, malformed, read_rows, step};
use crate::exchange::{ListPart, Listing, RestError, RestRequest};
use crate::instrument::{ExchangeId, Instrument};

/// One request for each class, and one for each family of options among these: their list is given
/// family by family, and has thousands of entries that nobody else needs.
pub(super) fn requests(natives: &[&str]) -> Vec<RestRequest> {
    let request = |class: &str| RestRequest {
        path: format!("/api/v5/public/instruments?instType={class}"),
        weight: 1,
    };
    let mut families: Vec<String> = natives.iter().filter_map(|one| option_family(one)).collect();
    families.sort_unstable();
    families.dedup();
    let options = families.iter().map(|family| request(&format!("OPTION&instFamily={family}")));
    ["SPOT", "SWAP", "FUTURES"].map(request).into_iter().chain(options).collect()
}

/// `BTC-USD` of `BTC-USD-261225-60000-C`; `None` for what is no option, or could not stand in a URL.
fn option_family(native: &str) -> Option<String> {
    let mut parts = native.splitn(3, '-');
    let (base, quote, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (symbol::is_option(rest) && is_plain(base) && is_plain(quote))
        .then(|| format!("{base}-{quote}"))
}

#[derive(Deserialize)]
struct Body<'a> {
    /// "0" when all is well.
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(default, borrow)]
    msg: Cow<'a, str>,
    #[serde(default, borrow)]
    data: Rows<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryBody<'a> {
    #[serde(borrow)]
    inst_id: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "if_stated")]
    tick_sz: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "if_stated")]
    lot_sz: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "if_stated")]
    state: Cow<'a, str>,
}

/// One instrument as a list tells it.
pub(super) struct Entry<'a> {
    pub(super) native: &'a str,
    pub(super) tick_size: &'a str,
    pub(super) lot_size: &'a str,
    pub(super) state: &'a str,
}

/// An instrument whose name is no symbol is left out. Base and quote are not asked: contracts
/// leave them empty, and the name says both.
pub(super) fn listing(entry: &Entry<'_>) -> Option<Listing> {
    let instrument = Instrument {
        exchange: ExchangeId::Okx,
        symbol: symbol::canonical(entry.native)?,
        native: ArrayString::from(entry.native).ok()?,
        tick_size: step(entry.tick_size),
        lot_size: step(entry.lot_size),
    };
    // The others are `suspend`, `preopen`, `test`, `expired`.
    Some(Listing { instrument, trading: entry.state == "live" })
}

/// Reads a list, or the refusal in its place.
pub(super) fn read(body: &[u8]) -> Result<ListPart, RestError> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    if body.code != "0" {
        let code = body.code.parse().unwrap_or(-1);
        return Err(RestError::Refused { code, message: body.msg.into_owned() });
    }
    let entry = |body: &EntryBody<'_>| {
        listing(&Entry {
            native: &body.inst_id,
            tick_size: &body.tick_sz,
            lot_size: &body.lot_sz,
            state: &body.state,
        })
    };
    read_rows(body.data, entry)
}

/// Whether a request of that path is for the class, and of options the family, of a symbol.
pub(super) fn covers(path: &str, native: &str) -> bool {
    let Some((_, class)) = path.split_once("instType=") else { return true };
    if let Some(family) = option_family(native) {
        return class == format!("OPTION&instFamily={family}");
    }
    let own = match native.splitn(3, '-').nth(2) {
        None => "SPOT",
        Some("SWAP") => "SWAP",
        Some(_) => "FUTURES",
    };
    class == own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::Decimal;

    #[test]
    fn a_list_names_instruments_of_every_class_with_their_steps() {
        let body = br#"{"code":"0","msg":"","data":[
            {"instType":"SPOT","instId":"BTC-USDT","baseCcy":"BTC","quoteCcy":"USDT",
             "settleCcy":"","tickSz":"0.1","lotSz":"0.00000001","state":"live","ctVal":""},
            {"instType":"SWAP","instId":"BTC-USDT-SWAP","baseCcy":"","quoteCcy":"",
             "settleCcy":"USDT","tickSz":"0.1","lotSz":"0.01","state":"live","ctVal":"0.01"},
            {"instType":"FUTURES","instId":"BTC-USD-261225","tickSz":"","lotSz":"1",
             "state":"preopen"}]}"#;
        let listings = read(body).expect("reads").listings;
        let told: Vec<_> = listings
            .iter()
            .map(|listing| {
                let step = |step: Option<Decimal>| step.map(|step| step.to_string());
                let instrument = &listing.instrument;
                let (tick, lot) = (step(instrument.tick_size), step(instrument.lot_size));
                (instrument.symbol.to_string(), tick, lot, listing.trading)
            })
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                ("BTC/USDT".to_owned(), text("0.1"), text("0.00000001"), true),
                ("BTC/USDT:USDT".to_owned(), text("0.1"), text("0.01"), true),
                ("BTC/USD:261225".to_owned(), None, text("1"), false),
            ]
        );
    }

    #[test]
    fn options_are_asked_for_by_the_families_that_are_wanted() {
        let paths = |natives: &[&str]| {
            let requests = requests(natives).into_iter();
            let class =
                |path: String| path.split_once("instType=").map(|(_, rest)| rest.to_owned());
            requests.filter_map(|request| class(request.path)).collect::<Vec<_>>()
        };
        assert_eq!(paths(&["BTC-USDT", "BTC-USD-261225"]), ["SPOT", "SWAP", "FUTURES"]);
        let options = ["BTC-USD-261225-60000-C", "BTC-USD-261225-60000-P", "ETH-USD-261225-1-C"];
        assert_eq!(
            paths(&options)[3..],
            ["OPTION&instFamily=BTC-USD", "OPTION&instFamily=ETH-USD"]
        );
        assert_eq!(paths(&["A&B-USD-261225-60000-C"]).len(), 3);
    }

    #[test]
    fn a_refusal_in_place_of_a_list_is_told() {
        let body = br#"{"msg":"Parameter instType error","code":"51000","data":[]}"#;
        let error = read(body).expect_err("refused");
        assert_eq!(
            error.to_string(),
            "the exchange refused with code 51000: Parameter instType error"
        );
        assert!(matches!(read(b"<html>"), Err(RestError::Malformed { line: 1, .. })));
        assert!(matches!(read(b"{}"), Err(RestError::Malformed { .. })));
    }

    #[test]
    fn a_row_that_cannot_be_read_costs_itself_alone() {
        let body = br#"{"code":"0","msg":"","data":[null,{"instType":"SPOT"},{"instId":7},
            {"instId":"A-USDT","tickSz":null,"lotSz":null,"state":null},
            {"instId":"B-USDT","tickSz":"0.1","lotSz":{},"state":"live"}]}"#;
        let part = read(body).expect("reads");
        let natives = part.listings.iter().map(|one| one.instrument.native.to_string());
        assert_eq!((natives.collect::<String>().as_str(), part.unread), ("A-USDTB-USDT", 3));
        let steps = part.listings.iter().map(|one| one.instrument.tick_size.is_some());
        assert_eq!(steps.collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn each_class_is_the_matter_of_its_own_request() {
        let natives = ["BTC-USDT", "BTC-USDT-SWAP", "BTC-USD-261225", "BTC-USD-261225-60000-C"];
        let requests = requests(&natives);
        for (index, native) in natives.iter().enumerate() {
            let covered = requests.iter().map(|request| covers(&request.path, native));
            let own: Vec<_> = (0..4).map(|one| one == index).collect();
            assert_eq!(covered.collect::<Vec<_>>(), own, "{native}");
        }
    }
}
