//! What several tests need.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod bent;
pub(crate) mod captures;
pub(crate) mod feed;
pub(crate) mod market;
pub(crate) mod parse;
pub(crate) mod patience;
pub(crate) mod played;
