//! What there is: assets and pairs, as requests list them.

use super::Kraken;
use super::listing::{Asset, is_stock};
use super::rest::Refused;
use crate::sim::exchange::Exchange;
use crate::sim::http::Target;
use crate::sim::write::step;

/// What a trade costs, in percent, from so much traded in 30 days on.
const FEES: &str = "[[0,0.4],[10000,0.35],[50000,0.24],[100000,0.22]]";
const FEES_MAKER: &str = "[[0,0.25],[10000,0.2],[50000,0.14],[100000,0.12]]";

/// The class that an asset is of.
fn class_of(base: &str) -> &'static str {
    if is_stock(base) { "tokenized_asset" } else { "currency" }
}

impl Exchange<Kraken> {
    /// Assets: those named, or all of a class.
    pub(super) fn assets(&self, target: &Target) -> Result<String, Refused> {
        let class = target.value("aclass").unwrap_or("currency");
        let named: Option<Vec<&str>> = target.value("asset").map(|text| text.split(',').collect());
        let is_named = |asset: &Asset, named: &Vec<&str>| {
            named.iter().any(|name| *name == asset.id || *name == asset.short)
        };
        let mut chosen: Vec<&Asset> = Vec::new();
        for names in &self.own.names {
            for asset in [&names.base, &names.quote] {
                let is_wanted = match &named {
                    Some(named) => is_named(asset, named),
                    None => class_of(&asset.short) == class,
                };
                if is_wanted && !chosen.contains(&asset) {
                    chosen.push(asset);
                }
            }
        }
        if named.is_some_and(|named| named.len() > chosen.len()) {
            return Err(Refused("EQuery:Unknown asset"));
        }
        let entry = |asset: &&Asset| {
            let Asset { id, short } = asset;
            let class = class_of(short);
            format!(
                r#""{id}":{{"aclass":"{class}","altname":"{short}","decimals":8,"display_decimals":5,"collateral_value":1,"margin_rate":0.025,"status":"enabled"}}"#
            )
        };
        Ok(chosen.iter().map(entry).collect::<Vec<_>>().join(","))
    }

    /// Pairs: those named, or all whose base is of a class.
    pub(super) fn asset_pairs(&self, target: &Target) -> Result<String, Refused> {
        let class = target.value("aclass_base").unwrap_or("currency");
        let of_class = |index: &usize| class_of(&self.own.names[*index].base.short) == class;
        let indices = match self.named(target)? {
            Some(named) => named,
            None => (0..self.own.names.len()).filter(of_class).collect(),
        };
        Ok(indices.into_iter().map(|index| self.asset_pair(index)).collect::<Vec<_>>().join(","))
    }

    fn asset_pair(&self, index: usize) -> String {
        let (names, of) = (&self.own.names[index], &self.spellings[index]);
        let (key, short, stream) = (&names.key, &names.short, &names.old_stream);
        let (base, quote, digits) = (&names.base.id, &names.quote.id, of.price_digits);
        let (class, tick) = (class_of(&names.base.short), step(digits));
        format!(
            concat!(
                r#""{key}":{{"altname":"{short}","wsname":"{stream}","aclass_base":"{class}","#,
                r#""base":"{base}","aclass_quote":"currency","quote":"{quote}","lot":"unit","#,
                r#""cost_decimals":5,"pair_decimals":{digits},"lot_decimals":8,"#,
                r#""lot_multiplier":1,"leverage_buy":[],"leverage_sell":[],"fees":{fees},"#,
                r#""fees_maker":{fees_maker},"fee_volume_currency":"ZUSD","margin_call":80,"#,
                r#""margin_stop":40,"ordermin":"0.00005","costmin":"0.5","tick_size":"{tick}","#,
                r#""status":"online","execution_venue":"international"}}"#,
            ),
            key = key,
            short = short,
            stream = stream,
            class = class,
            base = base,
            quote = quote,
            digits = digits,
            tick = tick,
            fees = FEES,
            fees_maker = FEES_MAKER,
        )
    }
}
