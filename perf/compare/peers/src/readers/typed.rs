//! tokio-tungstenite and serde_json with typed structs, one thread: what most would write.

use std::hint::black_box;
use std::net::SocketAddr;

use anyhow::Context;
use futures_util::StreamExt;

use super::trade::Combined;
use crate::cpu;

pub fn read(address: SocketAddr, frames: u64) -> anyhow::Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/")).await?;
        let before = cpu::of_this_process()?;
        for _ in 0..frames {
            let message = socket.next().await.context("the exchange left")??;
            let frame: Combined<'_> = serde_json::from_str(message.to_text()?)?;
            black_box(frame.print()?);
        }
        Ok(cpu::of_this_process()? - before)
    })
}
