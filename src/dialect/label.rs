//! What a dialect writes of an instrument in each of its events, made once.

use std::sync::Arc;

/// Bytes of two pieces; what they mean is the dialect's own. Shared by all who are told under it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<[u8]>);

/// Bytes that hold the length of the first piece.
const HEAD: usize = size_of::<u16>();

impl Label {
    /// A label of two pieces, of which the first has fewer than 65,536 bytes: names are bounded by
    /// what a request may have, and are cut here beyond that.
    pub fn new(first: &[u8], second: &[u8]) -> Self {
        let length = u16::try_from(first.len()).unwrap_or(u16::MAX);
        let first = &first[..usize::from(length)];
        Self([&length.to_le_bytes(), first, second].concat().into())
    }

    /// Both pieces, one behind the other.
    #[inline]
    pub fn whole(&self) -> &[u8] {
        self.0.get(HEAD..).unwrap_or_default()
    }

    /// The two pieces.
    pub fn pieces(&self) -> (&[u8], &[u8]) {
        let length = match *self.0 {
            [low, high, ..] => u16::from_le_bytes([low, high]),
            _ => 0,
        };
        let whole = self.whole();
        whole.split_at(usize::from(length).min(whole.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_as_they_were_given() {
        for (first, second) in [("", ""), ("a", ""), ("", "b"), ("ab", "cde")] {
            let label = Label::new(first.as_bytes(), second.as_bytes());
            assert_eq!(label.pieces(), (first.as_bytes(), second.as_bytes()));
            assert_eq!(label.whole(), format!("{first}{second}").as_bytes());
        }
    }
}
