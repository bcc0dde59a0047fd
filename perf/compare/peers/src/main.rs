//! What `perf/compare/run` measures with: the exchange and the clients that load a subject, the
//! subjects that are written in Rust, and the rounds that measure them all.
//!
//! `peers measure …` runs the rounds; it starts everything else as processes of its own, so that
//! each is on its own core and its CPU time is counted apart.

mod chart;
mod connect;
mod cpu;
mod fanout;
mod machine;
mod measure;
mod readers;
mod replay;
mod report;
mod servers;
mod subjects;

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["replay", form, frames] => replay::run(replay::Form::named(form)?, frames.parse()?),
        ["read", name, address, frames] => {
            let frames = frames.parse().context("how many frames")?;
            readers::run(name, address.parse().context("an address")?, frames)
        }
        ["serve", name, port] => servers::run(name, port.parse().context("a port")?),
        ["measure", options @ ..] => measure::run(options),
        _ => bail!("use perf/compare/run, which says what it takes"),
    }
}
