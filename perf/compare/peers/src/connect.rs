//! A client's side of an upgrade, on a plain socket: what comes after it is the caller's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::ensure;

const PATIENCE: Duration = Duration::from_secs(20);

/// Connects as soon as somebody listens.
pub fn dial(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let end = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => ensure!(Instant::now() < end, "nobody listens at {address}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Connects and upgrades. Nothing of what follows the answer is read.
pub fn upgraded(address: SocketAddr, path: &str) -> anyhow::Result<TcpStream> {
    let mut stream = dial(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    // In one write: uWebSockets hangs up on a request that comes in crumbs.
    stream.write_all(request.as_bytes())?;
    let head = head(&mut stream)?;
    ensure!(head.starts_with("HTTP/1.1 101"), "no upgrade: {head}");
    Ok(stream)
}

fn head(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        ensure!(stream.read(&mut byte)? == 1 && head.len() < 8_192, "the answer was cut");
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A client's text frame. The mask is zero, so that the payload stands in it as it is.
pub fn push_masked(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.push(0x81);
    push_length(bytes, text.len(), 0x80);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(text);
}

/// A server's text frame.
pub fn push_frame(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.push(0x81);
    push_length(bytes, text.len(), 0);
    bytes.extend_from_slice(text);
}

fn push_length(bytes: &mut Vec<u8>, length: usize, mask: u8) {
    match u8::try_from(length) {
        Ok(length) if length < 126 => bytes.push(mask | length),
        _ => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
}
