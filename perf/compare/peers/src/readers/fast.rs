//! fastwebsockets and sonic-rs with typed structs, one thread.

use std::hint::black_box;
use std::net::SocketAddr;

use fastwebsockets::{OpCode, Role, WebSocket};

use super::trade::Combined;
use crate::{connect, cpu};

pub fn read(address: SocketAddr, frames: u64) -> anyhow::Result<u64> {
    let stream = connect::upgraded(address, "/")?;
    stream.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::from_std(stream)?;
        let mut socket = WebSocket::after_handshake(stream, Role::Client);
        let before = cpu::of_this_process()?;
        let mut read = 0;
        while read < frames {
            let frame = socket.read_frame().await?;
            if frame.opcode != OpCode::Text {
                continue;
            }
            let frame: Combined<'_> = sonic_rs::from_slice(&frame.payload)?;
            black_box(frame.print()?);
            read += 1;
        }
        Ok(cpu::of_this_process()? - before)
    })
}
