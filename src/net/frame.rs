//! The head of a WebSocket frame (RFC 6455, section 5.2), read and written.

use super::websocket::Role;

/// Bytes of the longest head that [`frame_header`] writes (a server's: no mask).
pub const MAX_HEADER_BYTES: usize = 10;

/// What a frame that we write ourselves carries.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpCode {
    /// UTF-8.
    Text = 0x1,
    /// Anything.
    Binary = 0x2,
}

/// The head of a whole, unmasked data frame with a payload of `payload_bytes`: what precedes
/// the bytes that a server shares between its clients. The second value is how many bytes of the
/// first are in use.
#[inline]
pub fn frame_header(payload_bytes: usize, opcode: OpCode) -> ([u8; MAX_HEADER_BYTES], usize) {
    let mut head = [0; MAX_HEADER_BYTES];
    head[0] = FIN | opcode as u8;
    let used = match payload_bytes {
        0..=125 => {
            head[1] = payload_bytes as u8;
            2
        }
        126..=0xFFFF => {
            head[1] = LENGTH_16;
            head[2..4].copy_from_slice(&(payload_bytes as u16).to_be_bytes());
            4
        }
        _ => {
            head[1] = LENGTH_64;
            head[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
            10
        }
    };
    (head, used)
}

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PONG: u8 = 0xA;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
/// Fact: the longest payload of a control frame (RFC 6455, 5.5).
const CONTROL_PAYLOAD_BYTES_MAX: u64 = 125;

/// The head of a frame as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    first: u8,
    masked: bool,
    /// Bytes of the head itself: 2 to 14.
    pub(super) bytes: usize,
    /// Bytes that follow it.
    pub(super) payload_bytes: u64,
}

impl Header {
    /// The head at the start of `unread`; `None` when not all of it is there.
    #[inline]
    pub(super) fn parse(unread: &[u8]) -> Option<Self> {
        let [first, second, ..] = *unread else { return None };
        let (bytes, payload_bytes) = match second & LENGTH {
            LENGTH_16 => {
                let [_, _, a, b, ..] = *unread else { return None };
                (4, u64::from(u16::from_be_bytes([a, b])))
            }
            LENGTH_64 => {
                let [_, _, a, b, c, d, e, f, g, h, ..] = *unread else { return None };
                (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
            short => (2, u64::from(short)),
        };
        let masked = second & MASKED != 0;
        let bytes = if masked { bytes + 4 } else { bytes };
        (unread.len() >= bytes).then_some(Self { first, masked, bytes, payload_bytes })
    }

    /// A whole text or binary message that nobody masked: what can be handed out where it lies.
    #[inline]
    pub(super) const fn is_plain_data(&self) -> bool {
        !self.masked && (self.first == FIN | TEXT || self.first == FIN | BINARY)
    }

    #[inline]
    pub(super) const fn is_text(&self) -> bool {
        self.first & OPCODE == TEXT
    }

    /// Whether an unfinished message is open after this frame, given whether one was before.
    pub(super) const fn leaves_open(&self, open: bool) -> bool {
        match self.first & OPCODE {
            CONTINUATION | TEXT | BINARY => self.first & FIN == 0,
            _ => open,
        }
    }

    /// Whether the length of the payload would have fitted into fewer bytes (RFC 6455, 5.2).
    pub(super) const fn is_length_too_long(&self) -> bool {
        match self.bytes - if self.masked { 4 } else { 0 } {
            4 => self.payload_bytes < 126,
            10 => self.payload_bytes <= 0xFFFF,
            _ => false,
        }
    }

    /// What of the head alone breaks the protocol. Known before the payload is waited for, so that
    /// garbage is called garbage and not a frame of 2^60 bytes.
    pub(super) const fn violation(&self, reader: Role) -> Option<&'static str> {
        if self.first & RESERVED != 0 {
            return Some("reserved bits are set");
        }
        let opcode = self.first & OPCODE;
        match opcode {
            CONTINUATION | TEXT | BINARY => {}
            CLOSE..=PONG => {
                if self.first & FIN == 0 {
                    return Some("a control frame is fragmented");
                }
                if self.payload_bytes > CONTROL_PAYLOAD_BYTES_MAX {
                    return Some("a control frame is longer than 125 bytes");
                }
            }
            _ => return Some("unknown opcode"),
        }
        // What an exchange writes longer than it has to is read as it is meant.
        if matches!(reader, Role::Server) && self.is_length_too_long() {
            return Some("a length is not written in the fewest bytes");
        }
        match (reader, self.masked) {
            (Role::Client, true) => Some("the server masked a frame"),
            (Role::Server, false) => Some("the client did not mask a frame"),
            (Role::Client, false) | (Role::Server, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_heads_are_read_back_at_every_border_of_length() {
        for length in [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000, 8 << 20] {
            for opcode in [OpCode::Text, OpCode::Binary] {
                let (head, used) = frame_header(length, opcode);
                let header = Header::parse(&head[..used]).unwrap();
                assert_eq!((header.bytes, header.payload_bytes), (used, length as u64));
                assert!(header.is_plain_data());
                assert_eq!(header.is_text(), opcode == OpCode::Text);
                assert_eq!(header.violation(Role::Client), None);
                assert!((0..used).all(|cut| Header::parse(&head[..cut]).is_none()));
            }
        }
    }

    #[test]
    fn a_mask_belongs_to_the_head() {
        let head = [0x81, 0x85, 1, 2, 3, 4];
        assert_eq!(Header::parse(&head[..5]), None);
        let header = Header::parse(&head).unwrap();
        assert_eq!((header.bytes, header.payload_bytes, header.is_plain_data()), (6, 5, false));
        assert_eq!(header.violation(Role::Server), None);
        assert_eq!(header.violation(Role::Client), Some("the server masked a frame"));
    }

    #[test]
    fn a_client_writes_a_length_in_the_fewest_bytes() {
        let mask = [1, 2, 3, 4];
        let what =
            |head: &[u8]| Header::parse(&[head, &mask].concat()).unwrap().violation(Role::Server);
        let too_long = Some("a length is not written in the fewest bytes");
        assert_eq!(what(&[0x81, 0xFE, 0, 125]), too_long);
        assert_eq!(what(&[0x89, 0xFE, 0, 1]), too_long);
        assert_eq!(what(&[0x81, 0xFE, 0, 126]), None);
        assert_eq!(what(&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]), too_long);
        assert_eq!(what(&[0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0]), None);
    }

    #[test]
    fn broken_heads_are_named() {
        let what = |head: &[u8]| Header::parse(head).unwrap().violation(Role::Client);
        assert_eq!(what(&[0xC1, 0]), Some("reserved bits are set"));
        assert_eq!(what(&[0x83, 0]), Some("unknown opcode"));
        assert_eq!(what(&[0x8B, 0]), Some("unknown opcode"));
        assert_eq!(what(&[0x09, 0]), Some("a control frame is fragmented"));
        assert_eq!(what(&[0x89, 126, 0, 126]), Some("a control frame is longer than 125 bytes"));
    }
}
