//! What the fuzz targets and the property tests of this room share: a connection read by
//! [`WebSocket`] and, frame for frame, by tungstenite alone.

use std::io::{self, Read, Write};

use tungstenite::protocol::{self, WebSocketConfig};
use tungstenite::{Error, Message as Owned};

use super::frame::Header;
use super::{Bounds, Fill, Message, Role, WebSocket};

/// What a connection's reader met.
#[derive(Clone, PartialEq, Eq)]
pub enum Met {
    /// A text message.
    Text(Vec<u8>),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping.
    Ping,
    /// A pong.
    Pong,
    /// A close frame.
    Close(u16, String),
    /// The protocol was broken, or a bound exceeded.
    Broken,
    /// A text message that tungstenite refuses as no UTF-8, which ours leaves to the parsers.
    NotUtf8,
}

impl std::fmt::Debug for Met {
    /// Messages of megabytes are named by length and start.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = |name: &str, bytes: &[u8]| {
            write!(
                f,
                "{name}({} bytes: {:?})",
                bytes.len(),
                String::from_utf8_lossy(&bytes[..bytes.len().min(16)])
            )
        };
        match self {
            Self::Text(text) => bytes("Text", text),
            Self::Binary(binary) => bytes("Binary", binary),
            Self::Ping => f.write_str("Ping"),
            Self::Pong => f.write_str("Pong"),
            Self::Close(code, reason) => write!(f, "Close({code}, {reason:?})"),
            Self::Broken => f.write_str("Broken"),
            Self::NotUtf8 => f.write_str("NotUtf8"),
        }
    }
}

/// A stream in memory that gives its bytes in reads of the given sizes, over and over.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    left: &'a [u8],
    sizes: &'a [usize],
    reads: usize,
    written: Vec<u8>,
}

impl<'a> Pieces<'a> {
    /// `left`, in reads of `sizes`.
    pub const fn new(left: &'a [u8], sizes: &'a [usize]) -> Self {
        Self { left, sizes, reads: 0, written: Vec::new() }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let size = self.sizes.get(self.reads % self.sizes.len().max(1)).copied().unwrap_or(1);
        self.reads += 1;
        let count = size.max(1).min(into.len()).min(self.left.len());
        let (now, later) = self.left.split_at(count);
        into[..count].copy_from_slice(now);
        self.left = later;
        Ok(count)
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What our reader meets in `stream`, and the frames that it answers.
pub fn read_in_place(
    stream: Pieces<'_>,
    role: Role,
    bounds: Bounds,
) -> (Vec<Met>, Vec<(u8, Vec<u8>)>) {
    let mut socket = WebSocket::new(stream, role, bounds, &[]);
    let mut met = Vec::new();
    while let Ok(Fill::Read(_)) = socket.fill() {
        loop {
            met.push(match socket.next() {
                Ok(None) => break,
                Ok(Some(Message::Part(_))) => continue,
                Ok(Some(Message::Text(frame))) => Met::Text(frame.bytes().to_vec()),
                Ok(Some(Message::Binary(frame))) => Met::Binary(frame.bytes().to_vec()),
                Ok(Some(Message::Ping)) => Met::Ping,
                Ok(Some(Message::Pong(_))) => Met::Pong,
                Ok(Some(Message::Close { code, reason })) => Met::Close(code, reason.to_owned()),
                Err(_) => Met::Broken,
            });
        }
    }
    let mut written = Vec::new();
    socket.take_control(&mut written);
    (met, frames_of(&written))
}

/// What tungstenite meets in `stream`, up to a close or an error, and the frames that it answers.
pub fn read_by_tungstenite(
    stream: Pieces<'_>,
    role: Role,
    bytes_max: usize,
) -> (Vec<Met>, Vec<(u8, Vec<u8>)>) {
    let config = WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .max_message_size(Some(bytes_max))
        .max_frame_size(Some(bytes_max));
    let role = match role {
        Role::Client => protocol::Role::Client,
        Role::Server => protocol::Role::Server,
    };
    let mut socket = protocol::WebSocket::from_raw_socket(stream, role, Some(config));
    let mut met = Vec::new();
    loop {
        let one = match socket.read() {
            Ok(Owned::Text(text)) => Met::Text(text.as_bytes().to_vec()),
            Ok(Owned::Binary(bytes)) => Met::Binary(bytes.to_vec()),
            Ok(Owned::Ping(_) | Owned::Frame(_)) => Met::Ping,
            Ok(Owned::Pong(_)) => Met::Pong,
            Ok(Owned::Close(frame)) => frame.map_or(Met::Close(1005, String::new()), |frame| {
                Met::Close(frame.code.into(), frame.reason.to_string())
            }),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(Error::Utf8(_)) => Met::NotUtf8,
            Err(_) => Met::Broken,
        };
        let last = matches!(one, Met::Close(..) | Met::Broken | Met::NotUtf8);
        met.push(one);
        if last {
            break;
        }
    }
    let _ = socket.flush();
    (met, frames_of(&socket.get_ref().written))
}

/// First byte and unmasked payload of each frame.
fn frames_of(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some(header) = Header::parse(bytes) {
        let (head, rest) = bytes.split_at(header.bytes);
        let (payload, rest) = rest.split_at(header.payload_bytes as usize);
        let mask = if head[1] & 0x80 == 0 { &[0; 4] } else { &head[head.len() - 4..] };
        let plain = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        frames.push((head[0], plain.collect()));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "what is written is whole frames");
    frames
}

/// Reads `stream` both ways.
///
/// # Panics
/// When the two differ in anything but what is documented: ours calls a broken head broken before
/// its payload came, leaves the UTF-8 of whole text frames to its readers, takes no length from a
/// client that is written longer than it has to be, and tells the peer what it did wrong.
pub fn compare(stream: &[u8], sizes: &[usize], role: Role, bounds: Bounds) {
    let (ours, our_frames) = read_in_place(Pieces::new(stream, sizes), role, bounds);
    let (theirs, their_frames) =
        read_by_tungstenite(Pieces::new(stream, sizes), role, bounds.frame_bytes_max);
    let same = ours.iter().zip(&theirs).take_while(|(our, their)| our == their).count();
    match (ours.get(same), theirs.get(same)) {
        (None, None) => assert_eq!(our_frames_up_to(&our_frames, &ours), their_frames),
        (Some(Met::Broken), None) => assert_eq!(ours.len(), same + 1, "nothing follows an error"),
        (Some(Met::Text(text)), Some(Met::NotUtf8)) => assert!(str::from_utf8(text).is_err()),
        (Some(Met::Broken), Some(Met::NotUtf8)) => {}
        (Some(Met::Broken), Some(_)) if breaks_by_a_length(stream, role) => {
            assert_eq!(ours.len(), same + 1, "nothing follows an error");
        }
        (our, their) => panic!("message {same}: ours is {our:?}, tungstenite's {their:?}"),
    }
}

/// Whether the first head that breaks the protocol does so by a length that tungstenite takes.
fn breaks_by_a_length(mut stream: &[u8], role: Role) -> bool {
    while let Some(header) = Header::parse(stream) {
        if header.violation(role).is_some() {
            return header.is_length_too_long();
        }
        let whole = usize::try_from(header.payload_bytes).unwrap_or(usize::MAX);
        stream = stream.get(header.bytes.saturating_add(whole)..).unwrap_or_default();
    }
    false
}

/// Our frames without the close frame that tells of an error.
fn our_frames_up_to<'a>(frames: &'a [(u8, Vec<u8>)], met: &[Met]) -> &'a [(u8, Vec<u8>)] {
    match (met.last(), frames.split_last()) {
        (Some(Met::Broken), Some(((0x88, _), before))) => before,
        _ => frames,
    }
}

/// The fuzz target of the frame reader: role, bounds and cuts from the first bytes, the stream
/// from the others.
///
/// # Panics
/// As [`compare`].
pub fn frames(data: &[u8]) {
    let [choice, first, second, stream @ ..] = data else { return };
    let role = if choice & 1 == 0 { Role::Client } else { Role::Server };
    let frame_bytes_max = if choice & 2 == 0 { 1 << 20 } else { 300 };
    let bounds = Bounds { initial_bytes: 512, read_bytes: 256, frame_bytes_max };
    compare(stream, &[usize::from(*first) + 1, usize::from(*second) + 1], role, bounds);
}
