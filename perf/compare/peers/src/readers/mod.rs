//! Readers in Rust: from the socket to a value that somebody could use, so many frames.

mod barter;
mod fast;
mod floor;
mod trade;
mod typed;

use std::net::SocketAddr;

use anyhow::bail;

/// Reads so many frames, then says what they cost.
pub fn run(name: &str, address: SocketAddr, frames: u64) -> anyhow::Result<()> {
    let cpu_ns = match name {
        "floor" => floor::read(address, frames)?,
        "tokio-tungstenite" => typed::read(address, frames)?,
        "fastwebsockets" => fast::read(address, frames)?,
        "barter-data" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            barter::read(&runtime, address, frames)?
        }
        "barter-data-documented" => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            barter::read(&runtime, address, frames)?
        }
        _ => bail!("no reader: {name}"),
    };
    println!("{frames} frames {cpu_ns} ns");
    Ok(())
}
