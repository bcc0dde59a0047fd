//! Sockets of somebody who keeps to no rule: frames are made by hand, so that any can be made.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};

/// How attackers are seen: not as the victim, who comes from `127.0.0.1`.
const FROM: [u8; 4] = [127, 0, 0, 66];

/// The first byte of whole frames.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
/// The first fragment of a text, and one that ends nothing.
pub(crate) const TEXT_BEGINS: u8 = 0x01;
pub(crate) const CONTINUES: u8 = 0x00;

/// Bytes that one write of a flood takes.
pub(crate) const FLOOD_BYTES: usize = 32 << 10;

/// A connection from the attackers' address.
pub(crate) fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let SocketAddr::V4(address) = address else {
        return Err(io::Error::other("the attackers speak IPv4 only"));
    };
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(FROM.into(), 0)))?;
    connect(fd.as_raw_fd(), &SockaddrIn::from(address))?;
    Ok(TcpStream::from(fd))
}

/// A WebSocket to the gateway; what it sends is read and dropped by a thread of its own.
pub(crate) fn client(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = silent_client(address)?;
    drain(&stream)?;
    Ok(stream)
}

/// A WebSocket to the gateway from which nobody reads.
pub(crate) fn silent_client(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = dial(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let answer = read_head(&mut stream)?;
    if !answer.starts_with("HTTP/1.1 101") {
        return Err(io::Error::other("refused"));
    }
    Ok(stream)
}

/// Reads up to the empty line that ends a head of HTTP.
pub(crate) fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 || head.len() > 16 << 10 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Reads and drops whatever comes, until the end.
pub(crate) fn drain(stream: &TcpStream) -> io::Result<()> {
    let mut reader = stream.try_clone()?;
    reader.set_read_timeout(None)?;
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while reader.read(&mut buffer).is_ok_and(|read| read > 0) {}
    });
    Ok(())
}

/// A frame as a client sends it: masked, with a mask of zeros that leaves the bytes as they are.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    framed(first, 0x80, payload)
}

/// A frame as an exchange sends it.
pub(crate) fn bare(first: u8, payload: &[u8]) -> Vec<u8> {
    framed(first, 0, payload)
}

fn framed(first: u8, mask: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(mask | short as u8),
        medium @ 126..65_536 => {
            frame.push(mask | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(mask | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    if mask > 0 {
        frame.extend([0; 4]);
    }
    frame.extend(payload);
    frame
}

/// As many copies of a frame as one write of a flood takes, and how many they are.
pub(crate) fn many(frame: &[u8]) -> (Vec<u8>, u64) {
    let count = (FLOOD_BYTES / frame.len()).max(1);
    (frame.repeat(count), count as u64)
}
