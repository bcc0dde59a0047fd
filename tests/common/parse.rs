//! An adapter's recognisers against its general path: how a frame is read by both, and what the
//! generators of frames of every exchange have in common.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};

use proptest::prelude::*;
use tickwire::exchange::{Batch, Exchange, Frame, Rejected};
use tickwire::instrument::{InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;

use super::captures;

/// An adapter's general path alone.
pub(crate) type General<E> = fn(&mut E, PaddedFrame<'_>, &mut Batch) -> Result<Frame, Rejected>;

/// An adapter, and its twin that has the general path alone: some remember what frames said, so
/// that both must see the same ones.
pub(crate) struct Both<E> {
    pub(crate) adapter: E,
    twin: E,
    general: General<E>,
    padding: &'static [u8],
}

/// What a frame came to: the outcome and everything that it put into the batch.
#[derive(Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) outcome: Result<Frame, Rejected>,
    pub(crate) batch: String,
}

impl<E: Exchange> Both<E> {
    /// Two that carry `symbols`, by their order; `padding` is repeated behind each frame, and
    /// proves most where it looks like the rest of one.
    pub(crate) fn new(
        new: impl Fn() -> E,
        general: General<E>,
        symbols: &[impl AsRef<str>],
        padding: &'static [u8],
    ) -> Self {
        let ids = (0..).map(InstrumentId);
        let instruments = NativeMap::new(symbols.iter().map(AsRef::as_ref).zip(ids));
        let [mut adapter, mut twin] = [new(), new()];
        adapter.set_instruments(instruments.clone());
        twin.set_instruments(instruments);
        Self { adapter, twin, general, padding }
    }

    /// Reads a frame by both, asserts that they agree, and tells what came out.
    pub(crate) fn read(&mut self, text: &[u8]) -> Read {
        let Self { adapter, twin, general, padding } = self;
        let whole = read(text, padding, |frame, batch| adapter.parse(frame, batch));
        let general = read(text, padding, |frame, batch| general(twin, frame, batch));
        let shown = String::from_utf8_lossy(text);
        assert_eq!(whole.batch, general.batch, "{shown}");
        let same = match (&whole.outcome, &general.outcome) {
            (Ok(Frame::Data { .. }), Ok(Frame::Data { .. })) => true,
            (one, other) => one == other,
        };
        assert!(same, "{:?} against {:?}: {shown}", whole.outcome, general.outcome);
        whole
    }

    /// As [`Self::read`], of texts of which nothing is known; the walk for symbols must stand them
    /// too.
    pub(crate) fn read_damaged(&mut self, texts: &[Vec<u8>]) {
        for text in texts {
            self.read(text);
            self.adapter.symbols_in(text, &mut |_| ());
        }
    }
}

fn read(
    text: &[u8],
    padding: &[u8],
    parse: impl FnOnce(PaddedFrame<'_>, &mut Batch) -> Result<Frame, Rejected>,
) -> Read {
    let mut bytes = text.to_vec();
    bytes.extend(padding.iter().cycle().take(FRAME_PADDING));
    let mut batch = Batch::new();
    let outcome = parse(PaddedFrame::new(&mut bytes, text.len()), &mut batch);
    if outcome.is_err() {
        assert!(batch.is_empty() && batch.levels.is_empty(), "a rejected frame left something");
    }
    Read { outcome, batch: format!("{batch:?}") }
}

/// Every symbol that the adapter finds in the frames.
fn symbols_of(adapter: &impl Exchange, frames: &[String]) -> Vec<String> {
    let mut symbols = BTreeSet::new();
    for frame in frames {
        adapter.symbols_in(frame.as_bytes(), &mut |symbol| {
            symbols.insert(symbol.to_owned());
        });
    }
    symbols.into_iter().collect()
}

/// Reads the recordings whose names start with `prefix`, each by what `both` makes for its name
/// and its symbols: every frame is understood, and data that `is_hot` is all read in place.
pub(crate) fn recorded<E: Exchange>(
    prefix: &str,
    both: impl Fn(&str, &[String]) -> Both<E>,
    is_hot: impl Fn(&str) -> bool,
) {
    for path in captures::files(prefix) {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let frames = captures::received(&path);
        let symbols = symbols_of(&both(&name, &[]).adapter, &frames);
        assert!(!symbols.is_empty(), "{name}");
        let mut both = both(&name, &symbols);
        let (mut hot, mut recognised) = (0, 0);
        for frame in &frames {
            let outcome = both.read(frame.as_bytes()).outcome;
            let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}: {frame}"));
            if let (Frame::Data { recognised: in_place }, true) = (outcome, is_hot(frame)) {
                hot += 1;
                recognised += u32::from(in_place);
            }
        }
        assert!(hot > 0, "{name}");
        // None is left to the general path; one in a hundred would be a reason to look.
        assert_eq!(recognised, hot, "{name}: frames of hot shapes that were not read in place");
    }
}

/// Reads every recording whose name does not start with `own`; none of their frames is taken for
/// the adapter's.
pub(crate) fn foreign<E: Exchange>(own: &str, both: impl Fn() -> Both<E>) {
    for path in captures::files("") {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        if name.starts_with(own) {
            continue;
        }
        let mut both = both();
        for frame in captures::received(&path) {
            let outcome = both.read(frame.as_bytes()).outcome;
            let refused = matches!(outcome, Err(Rejected::Foreign | Rejected::NotJson));
            assert!(refused, "{name} as {}: {outcome:?}: {frame}", both.adapter.id());
        }
    }
}

/// Decimals as exchanges rarely write them, or never.
pub(crate) fn decimal_odd() -> impl Strategy<Value = String> {
    prop_oneof!["[1-9][0-9]{9,12}\\.[0-9]{8}", "-?[0-9]{0,3}\\.?[0-9]{0,3}(e-?[0-9])?"]
}

/// What stands in the place of an id, and is none or hardly one.
pub(crate) fn id_odd() -> impl Strategy<Value = String> {
    prop_oneof!["0?[0-9]{15,21}", "-1|1\\.0|1e3|\"7\"|null"]
}

/// Something that a field without meaning for us may hold, `samples` of the exchange's own words
/// among it.
pub(crate) fn anything(samples: [&'static str; 2]) -> impl Strategy<Value = String> {
    let [one, other] = samples;
    let texts = vec!["true", one, other, "\"x\\\"\\u00e9\""];
    prop_oneof![
        4 => prop::sample::select(texts).prop_map(str::to_owned),
        1 => "-?[1-9][0-9]{0,3}(\\.[0-9]{1,3})?",
    ]
}

/// A level as most exchanges list it.
pub(crate) fn pair<S: Strategy<Value = String>>(
    decimal: impl Fn() -> S,
) -> impl Strategy<Value = String> {
    (decimal(), decimal()).prop_map(|(price, size)| format!("[\"{price}\",\"{size}\"]"))
}

/// A list of fewer than `end` items.
pub(crate) fn list(
    item: impl Strategy<Value = String>,
    end: usize,
) -> impl Strategy<Value = String> {
    prop::collection::vec(item, 0..end).prop_map(|items| format!("[{}]", items.join(",")))
}

/// Keys and the text of their values, in the order of the wire.
pub(crate) type Fields<K = String> = Vec<(K, String)>;

/// The fields as an object.
pub(crate) fn object<K: Display>(fields: &[(K, String)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// What the fields of a frame are filled from.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    ids: Vec<String>,
    decimals: Vec<String>,
    lists: Vec<String>,
}

/// So many ids and decimals, and lists.
pub(crate) fn drawn(
    id: impl Strategy<Value = String>,
    ids: usize,
    decimal: impl Strategy<Value = String>,
    decimals: usize,
    lists: impl Strategy<Value = Vec<String>>,
) -> impl Strategy<Value = Drawn> {
    (prop::collection::vec(id, ids), prop::collection::vec(decimal, decimals), lists)
        .prop_map(|(ids, decimals, lists)| Drawn { ids, decimals, lists })
}

/// The fields of a frame whose shape is a line of keys as in `e=trade E t#0 p$1 b[0`: behind `=`
/// stands a text, behind `#` which id it is, behind `$` which decimal, in quotes, behind `[` which
/// list. What a key alone says is `named`.
pub(crate) fn fields<K: From<&'static str>>(
    shape: &'static str,
    drawn: &Drawn,
    named: impl Fn(&str) -> String,
) -> Fields<K> {
    let field = |word: &'static str| {
        let (key, source) = word.split_at(word.find(['=', '#', '$', '[']).unwrap_or(word.len()));
        let index = || source[1..].parse::<usize>().expect("an index");
        let value = match source.chars().next() {
            Some('=') => format!("\"{}\"", &source[1..]),
            Some('#') => drawn.ids[index()].clone(),
            Some('$') => format!("\"{}\"", drawn.decimals[index()]),
            Some(_) => drawn.lists[index()].clone(),
            None => named(key),
        };
        (K::from(key), value)
    };
    shape.split_whitespace().map(field).collect()
}

/// How the fields of an object are disturbed; places count from the start again behind the end.
#[derive(Clone, Debug)]
pub(crate) enum Edit<K = String> {
    Swap(usize, usize),
    Insert(usize, K, String),
    Remove(usize),
    Repeat(usize),
}

impl<K: Clone> Edit<K> {
    pub(crate) fn apply(&self, fields: &mut Fields<K>) {
        let count = fields.len();
        match self {
            Self::Swap(one, other) => fields.swap(one % count, other % count),
            Self::Insert(at, key, value) => {
                fields.insert(at % (count + 1), (key.clone(), value.clone()));
            }
            Self::Remove(at) => drop(fields.remove(at % count)),
            Self::Repeat(at) => fields.push(fields[at % count].clone()),
        }
    }
}

/// Every kind of edit as often as every other; `key` and `value` are of what is inserted.
pub(crate) fn edit<K: Clone + Debug>(
    key: impl Strategy<Value = K>,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = Edit<K>> {
    prop_oneof![
        (any::<usize>(), any::<usize>()).prop_map(|(one, other)| Edit::Swap(one, other)),
        (any::<usize>(), key, value).prop_map(|(at, key, value)| Edit::Insert(at, key, value)),
        any::<usize>().prop_map(Edit::Remove),
        any::<usize>().prop_map(Edit::Repeat),
    ]
}

/// The fields after an edit, if there is one.
pub(crate) fn edited<K: Clone>(mut fields: Fields<K>, edit: &Option<Edit<K>>) -> Fields<K> {
    if let Some(edit) = edit {
        edit.apply(&mut fields);
    }
    fields
}

/// The text with a space behind one of its commas and colons.
pub(crate) fn spaced(mut text: String, at: usize) -> String {
    let places: Vec<_> = text.match_indices([',', ':']).map(|(at, _)| at + 1).collect();
    if !places.is_empty() {
        text.insert(places[at % places.len()], ' ');
    }
    text
}

/// The bytes of a text with up to two of them replaced, and a piece of any length from their start.
pub(crate) fn damaged(text: impl Strategy<Value = String>) -> impl Strategy<Value = [Vec<u8>; 2]> {
    let flips = prop::collection::vec((any::<usize>(), any::<u8>()), 0..3);
    (text, flips, any::<usize>()).prop_map(|(text, flips, length)| {
        let mut bytes = text.into_bytes();
        for (at, byte) in flips {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let piece = bytes[..length % (bytes.len() + 1)].to_vec();
        [bytes, piece]
    })
}
