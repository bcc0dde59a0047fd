//! The general path: any JSON, in any order, by simd-json with one tape and one set of buffers for
//! the life of a connection.
//!
//! simd-json parses numbers to `f64` when they have a fraction or more than 64 bits, which would lose
//! the digits that we promise to keep. So a copy of the frame is kept (some nanoseconds), and each
//! number's text is found in it through the offsets that simd-json's first stage left in its
//! buffers: any exchange may write any number bare one day, and does in some corner of its protocol.

use simd_json::{Buffers, Node, StaticNode, Tape, fill_tape_padded};

use super::PaddedFrame;
use crate::limits::{FRAME_PADDING, JSON_BYTES_KEPT};

const _: () = assert!(FRAME_PADDING >= simd_json::INPUT_PADDING);

/// The frame is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON")]
pub struct NotJson;

/// Parses frames one after the other; keeps its memory between them.
#[derive(Default)]
pub struct JsonReader {
    buffers: Buffers,
    nodes: Vec<Node<'static>>,
    text: Vec<u8>,
    starts: Vec<u32>,
}

impl JsonReader {
    /// A reader without memory yet; it takes some with the first frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses a frame in place and lets `visit` walk it.
    ///
    /// # Errors
    /// [`NotJson`]; the frame is destroyed all the same.
    pub fn read<T>(
        &mut self,
        frame: PaddedFrame<'_>,
        visit: impl FnOnce(Value<'_>) -> T,
    ) -> Result<T, NotJson> {
        self.read_beside(frame, |root, _| root.map(visit))
    }

    /// Parses a frame in place and lets `visit` walk it, if it is JSON, beside its text as it came.
    pub fn read_beside<T>(
        &mut self,
        frame: PaddedFrame<'_>,
        visit: impl FnOnce(Result<Value<'_>, NotJson>, &[u8]) -> T,
    ) -> T {
        self.text.clear();
        self.text.extend_from_slice(frame.bytes());
        let (bytes, length) = frame.into_padded();
        // `reset` empties the tape and so frees its memory for another lifetime.
        let mut tape = Tape(std::mem::take(&mut self.nodes)).reset();
        let parsed = fill_tape_padded(bytes, length, &mut self.buffers, &mut tape);
        let result = match parsed {
            Ok(()) if !tape.0.is_empty() => {
                locate(&self.text, self.buffers.structural_indexes(), &mut self.starts);
                let document = Document { nodes: &tape.0, text: &self.text, starts: &self.starts };
                visit(Ok(Value { document: &document, at: 0 }), &self.text)
            }
            _ => visit(Err(NotJson), &self.text),
        };
        self.nodes = tape.reset().0;
        if length > JSON_BYTES_KEPT {
            *self = Self::new();
        }
        result
    }
}

impl std::fmt::Debug for JsonReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("JsonReader").field("nodes", &self.nodes.capacity()).finish()
    }
}

/// Fills `starts` with the offset of each node of the tape: both are in the order of the text, and
/// every structural character but separators and closing brackets starts a node.
fn locate(text: &[u8], structural: &[u32], starts: &mut Vec<u32>) {
    starts.clear();
    starts.extend(structural.iter().filter(|&&offset| {
        let byte = text.get(offset as usize);
        byte.is_some_and(|byte| !matches!(byte, b':' | b',' | b']' | b'}'))
    }));
}

/// One parsed frame.
struct Document<'t> {
    nodes: &'t [Node<'t>],
    text: &'t [u8],
    starts: &'t [u32],
}

/// One value of a parsed frame.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    document: &'t Document<'t>,
    at: usize,
}

impl<'t> Value<'t> {
    fn node(self) -> Option<&'t Node<'t>> {
        self.document.nodes.get(self.at)
    }

    /// Where the next value stands.
    fn end(self) -> usize {
        match self.node() {
            Some(Node::Object { count, .. } | Node::Array { count, .. }) => self.at + 1 + count,
            _ => self.at + 1,
        }
    }

    /// A string, its escapes resolved.
    pub fn string(self) -> Option<&'t str> {
        match self.node()? {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number from 0 to 2^64 - 1, written without point and exponent.
    pub fn unsigned(self) -> Option<u64> {
        match *self.node()? {
            Node::Static(StaticNode::U64(number)) => Some(number),
            Node::Static(StaticNode::I64(number)) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// A whole number from -2^63 to 2^63 - 1, written without point and exponent.
    pub fn signed(self) -> Option<i64> {
        match *self.node()? {
            Node::Static(StaticNode::I64(number)) => Some(number),
            Node::Static(StaticNode::U64(number)) => i64::try_from(number).ok(),
            _ => None,
        }
    }

    /// `true` or `false`.
    pub fn boolean(self) -> Option<bool> {
        match *self.node()? {
            Node::Static(StaticNode::Bool(value)) => Some(value),
            _ => None,
        }
    }

    /// `null`.
    pub fn is_null(self) -> bool {
        matches!(self.node(), Some(Node::Static(StaticNode::Null)))
    }

    /// A number's text as written.
    pub fn number_text(self) -> Option<&'t [u8]> {
        let Node::Static(StaticNode::U64(_) | StaticNode::I64(_) | StaticNode::F64(_)) =
            self.node()?
        else {
            return None;
        };
        let start = *self.document.starts.get(self.at)? as usize;
        let text = self.document.text.get(start..)?;
        let is_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = text.iter().position(|byte| !is_number(byte)).unwrap_or(text.len());
        Some(&text[..length])
    }

    /// The keys and values of an object, in the order of the text; `None` for other values.
    pub fn fields(self) -> Option<Fields<'t>> {
        match self.node()? {
            Node::Object { .. } => {
                Some(Fields { document: self.document, at: self.at + 1, end: self.end() })
            }
            _ => None,
        }
    }

    /// The value of a key. Of a key that stands twice the last one counts, as in JavaScript.
    pub fn field(self, name: &str) -> Option<Self> {
        self.fields()?.filter(|(key, _)| *key == name).last().map(|(_, value)| value)
    }

    /// The items of an array; `None` for other values.
    pub fn items(self) -> Option<Items<'t>> {
        match self.node()? {
            Node::Array { .. } => {
                Some(Items { document: self.document, at: self.at + 1, end: self.end() })
            }
            _ => None,
        }
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.node().fmt(formatter)
    }
}

/// Iterates over an object.
#[derive(Clone)]
pub struct Fields<'t> {
    document: &'t Document<'t>,
    at: usize,
    end: usize,
}

impl<'t> Iterator for Fields<'t> {
    type Item = (&'t str, Value<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let Node::String(key) = self.document.nodes.get(self.at)? else { return None };
        let value = Value { document: self.document, at: self.at + 1 };
        self.at = value.end();
        Some((key, value))
    }
}

/// Iterates over an array.
#[derive(Clone)]
pub struct Items<'t> {
    document: &'t Document<'t>,
    at: usize,
    end: usize,
}

impl<'t> Iterator for Items<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let value = Value { document: self.document, at: self.at };
        self.at = value.end();
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        // Padding that would continue the text, were it read as such.
        bytes.resize(text.len() + FRAME_PADDING, b'7');
        bytes
    }

    fn read<T>(text: &str, visit: impl FnOnce(Value<'_>) -> T) -> Result<T, NotJson> {
        let mut bytes = padded(text);
        JsonReader::new().read(PaddedFrame::new(&mut bytes, text.len()), visit)
    }

    #[test]
    fn fields_are_found_in_any_order_and_depth() {
        let text = r#" { "b" : [ {"x":[1,2]}, "y" ] , "a" : {"n":null}, "t":true, "u":7 } "#;
        read(text, |root| {
            assert_eq!(root.field("u").and_then(Value::unsigned), Some(7));
            assert_eq!(root.field("t").and_then(Value::boolean), Some(true));
            assert!(root.field("a").and_then(|a| a.field("n")).is_some_and(Value::is_null));
            let items: Vec<_> = root.field("b").and_then(Value::items).expect("array").collect();
            assert_eq!(items.len(), 2);
            assert_eq!(items[1].string(), Some("y"));
            assert!(root.field("missing").is_none());
            assert!(items[1].field("x").is_none());
        })
        .expect("JSON");
    }

    #[test]
    fn escapes_are_resolved_and_the_last_of_equal_keys_counts() {
        read(r#"{"a\u0062":"x\n","k":1,"k":2}"#, |root| {
            assert_eq!(root.field("ab").and_then(Value::string), Some("x\n"));
            assert_eq!(root.field("k").and_then(Value::unsigned), Some(2));
        })
        .expect("JSON");
    }

    #[test]
    fn bare_numbers_keep_their_digits() {
        let text = r#"{"a\"[":"],:","p":[0.50930100, -1e-08 ,51143],"q":1.10,"n":"2"}"#;
        read(text, |root| {
            let texts: Vec<_> = root
                .field("p")
                .and_then(Value::items)
                .expect("array")
                .filter_map(Value::number_text)
                .map(|text| String::from_utf8_lossy(text).into_owned())
                .collect();
            assert_eq!(texts, ["0.50930100", "-1e-08", "51143"]);
            assert_eq!(root.field("q").and_then(Value::number_text), Some(&b"1.10"[..]));
            assert_eq!(root.field("n").and_then(Value::number_text), None);
        })
        .expect("JSON");
        assert_eq!(read("12.50", |root| root.number_text().map(<[u8]>::len)), Ok(Some(5)));
    }

    #[test]
    fn what_is_no_json_is_refused_and_the_reader_lives_on() {
        let mut reader = JsonReader::new();
        for text in ["", " ", "ping", "{", r#"{"a":}"#, "[1,]", r#"{"a":1}x"#, "\"", "nul"] {
            let mut bytes = padded(text);
            let frame = PaddedFrame::new(&mut bytes, text.len());
            assert_eq!(reader.read(frame, |_| ()), Err(NotJson), "{text:?}");
        }
        let mut bytes = padded("[1]");
        let frame = PaddedFrame::new(&mut bytes, 3);
        assert_eq!(reader.read(frame, |root| root.items().map(Iterator::count)), Ok(Some(1)));
    }

    #[test]
    fn memory_of_a_huge_frame_is_given_back() {
        let text = format!("[{}1]", "1,".repeat(JSON_BYTES_KEPT / 2));
        let mut bytes = padded(&text);
        let mut reader = JsonReader::new();
        let count = reader.read(PaddedFrame::new(&mut bytes, text.len()), |root| {
            root.items().map(Iterator::count)
        });
        assert_eq!(count, Ok(Some(JSON_BYTES_KEPT / 2 + 1)));
        assert_eq!(reader.nodes.capacity(), 0);
    }
}
