//! The instruments that a simulated Bybit lists.

use std::io;

use super::Class;
use crate::sim::listing::{self, Column, Listed};

/// The instruments of those names, or of the default list; contracts exist in USDT and USDC only,
/// and those in USDC have names of their own.
pub(super) fn list(class: Class, symbols: &[String], count: usize) -> io::Result<Vec<Listed>> {
    let column = match class {
        Class::Spot => Column::Spot,
        Class::Linear => Column::Futures,
    };
    let in_pairs: Vec<String> = symbols
        .iter()
        .map(|symbol| match symbol.strip_suffix("PERP") {
            Some(base) if class == Class::Linear => format!("{base}USDC"),
            _ => symbol.clone(),
        })
        .collect();
    let mut list = match in_pairs.is_empty() {
        true => listing::default_list(column, usize::MAX),
        false => listing::list(column, &in_pairs)?,
    };
    if class == Class::Linear {
        list.retain(|listed| matches!(listed.quote.as_str(), "USDT" | "USDC"));
        for listed in list.iter_mut().filter(|listed| listed.quote == "USDC") {
            listed.native = format!("{}PERP", listed.base);
        }
    }
    if symbols.is_empty() {
        list.truncate(count);
    }
    Ok(list)
}
