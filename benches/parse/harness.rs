//! What all exchanges' frames are parsed and compared by.

use simd_json::{Buffers, Node, StaticNode, Tape, fill_tape_padded};
use tickwire::clock::UnixNanos;
use tickwire::exchange::{
    Adapter, Batch, BookKind, BookUpdate, DEPTH_FULL, Exchange, Frame, Protocol,
};
use tickwire::instrument::{InstrumentId, NativeMap};
use tickwire::json::PaddedFrame;
use tickwire::limits::FRAME_PADDING;
use tickwire::tick::{Body, Decimal, Level, Side, TradeId};

use crate::captures;

pub(crate) use crate::random::Random;

/// Frames of one kind.
pub(crate) const FRAMES_MAX: usize = 2_048;

/// Recorded bytes of one kind that are worth measuring.
const RECORDED_BYTES_MIN: usize = 8_192;

/// Who parses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// The product's way.
    Recogniser,
    /// simd-json in place with a reused tape and reused buffers, walked once in any order.
    Tape,
    /// serde_json into structs that borrow, of the kind that the frame is known to be.
    SerdeJson,
    /// The product's general path, which must also find out what the frame is.
    General,
}

/// All of them, in the order of their numbers.
pub(crate) const CANDIDATES: [Candidate; 4] =
    [Candidate::Recogniser, Candidate::Tape, Candidate::SerdeJson, Candidate::General];

impl Candidate {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Recogniser => "recogniser",
            Self::Tape => "simd-json tape",
            Self::SerdeJson => "serde_json typed",
            Self::General => "general path",
        }
    }
}

/// A frame and its padding.
pub(crate) struct PaddedText {
    pub(crate) bytes: Vec<u8>,
    pub(crate) length: usize,
}

impl PaddedText {
    pub(crate) fn new(text: &str) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(text.len() + FRAME_PADDING, b' ');
        Self { bytes, length: text.len() }
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The ways into a batch that are not the product's, with their reused memory, for frames of one
/// kind.
pub(crate) trait Ways {
    /// By simd-json in place.
    fn tape(&mut self, frame: &mut PaddedText, out: &mut Out);

    /// By serde_json.
    fn serde_json(&mut self, text: &[u8], out: &mut Out);
}

/// A batch with what is needed to fill it.
pub(crate) struct Out {
    pub(crate) instruments: NativeMap,
    pub(crate) batch: Batch,
}

impl Out {
    pub(crate) fn find(&self, symbol: &str) -> InstrumentId {
        self.instruments.find(symbol.as_bytes()).unwrap()
    }

    pub(crate) fn level<T: AsRef<[u8]>>(&mut self, side: Side, price: T, size: T) {
        self.batch.levels.push(Level { side, price: decimal(price), size: decimal(size) });
    }

    /// A book of all levels so far, of a number or none.
    pub(crate) fn book(
        &self,
        instrument: InstrumentId,
        kind: BookKind,
        exchange_time: UnixNanos,
        id: Option<u64>,
    ) -> BookUpdate {
        BookUpdate {
            instrument,
            kind,
            exchange_time,
            first_id: id,
            last_id: id,
            previous_id: None,
            checksum: None,
            precision: None,
            depth: DEPTH_FULL,
            levels: 0..self.batch.levels.len() as u32,
        }
    }
}

pub(crate) fn decimal(text: impl AsRef<[u8]>) -> Decimal {
    Decimal::parse(text.as_ref()).unwrap()
}

/// What an exchange's reused tape is walked by.
#[derive(Default)]
pub(crate) struct Tapes {
    buffers: Buffers,
    nodes: Vec<Node<'static>>,
}

impl Tapes {
    pub(crate) fn read(&mut self, frame: &mut PaddedText, walk: impl FnOnce(&[Node<'_>])) {
        let mut tape = Tape(std::mem::take(&mut self.nodes)).reset();
        fill_tape_padded(&mut frame.bytes, frame.length, &mut self.buffers, &mut tape).unwrap();
        walk(&tape.0);
        self.nodes = tape.reset().0;
    }
}

/// Where the value after the one at `at` stands.
pub(crate) fn skip(nodes: &[Node<'_>], at: usize) -> usize {
    match nodes[at] {
        Node::Object { count, .. } | Node::Array { count, .. } => at + 1 + count,
        _ => at + 1,
    }
}

pub(crate) fn string<'t>(node: &Node<'t>) -> Option<&'t str> {
    match node {
        Node::String(text) => Some(text),
        _ => None,
    }
}

pub(crate) fn number(node: &Node<'_>) -> i64 {
    match *node {
        Node::Static(StaticNode::U64(number)) => number as i64,
        Node::Static(StaticNode::I64(number)) => number,
        _ => panic!("a number"),
    }
}

/// Levels are arrays of so many strings, of which the first two are price and size.
pub(crate) fn levels(nodes: &[Node<'_>], at: usize, strings: usize, side: Side, out: &mut Out) {
    let Node::Array { count, .. } = nodes[at] else { panic!("an array") };
    // The array itself is a node, too.
    for level in nodes[at + 1..at + 1 + count].chunks_exact(strings + 1) {
        out.level(side, string(&level[1]).unwrap(), string(&level[2]).unwrap());
    }
}

/// A candidate with its reused memory, for frames of one kind.
struct Parser<P, W> {
    candidate: Candidate,
    adapter: Adapter<P>,
    out: Out,
    ways: W,
}

impl<P: Protocol, W: Ways> Parser<P, W> {
    /// Parses one frame into its batch.
    #[inline(always)]
    fn parse(&mut self, frame: &mut PaddedText) {
        let Self { candidate, adapter, out, ways } = self;
        match candidate {
            Candidate::Recogniser => {
                let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
                let read = adapter.parse(padded, &mut out.batch);
                assert!(matches!(read, Ok(Frame::Data { recognised: true })));
            }
            Candidate::General => {
                let padded = PaddedFrame::new(&mut frame.bytes, frame.length);
                adapter.parse_general(padded, &mut out.batch).unwrap();
            }
            Candidate::Tape => {
                out.batch.clear();
                ways.tape(frame, out);
            }
            Candidate::SerdeJson => {
                out.batch.clear();
                ways.serde_json(frame.text(), out);
            }
        }
    }
}

/// The same for many frames, so that no virtual call is part of what is timed.
pub(crate) trait Contender {
    /// Parses every frame; nothing else is timed.
    fn run(&mut self, frames: &mut [PaddedText]);

    /// Parses every frame and sums up what came out.
    fn checksum(&mut self, frames: &mut [PaddedText]) -> u64;
}

impl<P: Protocol, W: Ways> Contender for Parser<P, W> {
    fn run(&mut self, frames: &mut [PaddedText]) {
        for frame in frames {
            self.parse(frame);
            std::hint::black_box(&self.out.batch);
        }
    }

    fn checksum(&mut self, frames: &mut [PaddedText]) -> u64 {
        frames.iter_mut().fold(0, |sum, frame| {
            self.parse(frame);
            checksum(sum, &self.out.batch)
        })
    }
}

/// Makes frames of one kind, up to so many: the gate by counts lists all kinds, and wants the frames
/// of one.
pub(crate) type Draw = Box<dyn Fn(usize) -> Vec<PaddedText>>;

/// Frames of one kind, and all symbols that they may name.
pub(crate) type Frames = (Draw, Vec<String>);

/// Frames of one kind, and who parses them.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) frames: Draw,
    pub(crate) contender: Box<dyn Fn(Candidate) -> Box<dyn Contender>>,
}

impl Subject {
    /// `adapter` and `ways` make what is measured anew for each contender.
    pub(crate) fn new<P: Protocol, W: Ways + 'static>(
        name: String,
        (frames, symbols): Frames,
        adapter: impl Fn() -> Adapter<P> + 'static,
        ways: impl Fn() -> W + 'static,
    ) -> Self {
        let names = symbols.iter().map(String::as_str);
        let instruments = NativeMap::new(names.zip((0..).map(InstrumentId)));
        let contender = move |candidate| {
            let mut adapter = adapter();
            adapter.set_instruments(instruments.clone());
            let out = Out { instruments: instruments.clone(), batch: Batch::new() };
            Box::new(Parser { candidate, adapter, out, ways: ways() }) as Box<dyn Contender>
        };
        Self { name, frames, contender: Box::new(contender) }
    }
}

/// Frames that are generated, `most` at most.
pub(crate) fn generated<'a>(
    seed: u64,
    most: usize,
    symbols: impl Iterator<Item = &'a str>,
    frame: impl Fn(&mut Random) -> String + 'static,
) -> Frames {
    let draw = move |count: usize| {
        let mut random = Random(0x5EED ^ seed);
        (0..count.min(most)).map(|_| PaddedText::new(&frame(&mut random))).collect()
    };
    (Box::new(draw), symbols.map(str::to_owned).collect())
}

/// A recording's name and frames, of all whose names begin so.
pub(crate) fn recordings(prefix: &str) -> impl Iterator<Item = (String, Vec<String>)> + use<> {
    captures::files(prefix).into_iter().map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, captures::received(&path))
    })
}

/// Those of a recording's frames that are of one kind, and the symbols that they name behind a mark,
/// each once; `None` for a handful, which would measure the caches.
pub(crate) fn of_kind(
    frames: &[String],
    is_of_kind: impl Fn(&str) -> bool,
    mark: &str,
) -> Option<Frames> {
    let frames: Vec<String> =
        frames.iter().filter(|frame| is_of_kind(frame)).take(FRAMES_MAX).cloned().collect();
    let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
    if bytes < RECORDED_BYTES_MIN {
        return None;
    }
    let mut symbols: Vec<String> = frames.iter().map(|frame| quoted_after(frame, mark)).collect();
    symbols.sort();
    symbols.dedup();
    let draw = move |count| frames.iter().take(count).map(|frame| PaddedText::new(frame)).collect();
    Some((Box::new(draw), symbols))
}

/// What stands between `mark`, which ends with a quotation mark, and the next one.
fn quoted_after(frame: &str, mark: &str) -> String {
    frame.split(mark).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// A cheap sum that depends on every value and its place.
fn checksum(sum: u64, batch: &Batch) -> u64 {
    let mut sum = sum;
    let mut add = |value: u64| sum = (sum ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for entry in &batch.ticks {
        add(entry.sequence.unwrap_or(3) ^ u64::from(entry.tick.instrument.0));
        add(entry.first.unwrap_or(3) ^ entry.tick.exchange_time.0 as u64);
        match entry.tick.body {
            Body::Trade { side, price_digits, size_digits, price, size, .. } => {
                add(price as u64 ^ u64::from(price_digits));
                add(size as u64 ^ u64::from(size_digits) ^ side as u64);
                match entry.tick.body.trade().map(|trade| trade.id) {
                    Some(TradeId::Uuid(id)) => add((id >> 64) as u64 ^ id as u64),
                    Some(TradeId::Number(id)) => add(id),
                    Some(TradeId::None | TradeId::Spelled(_)) | None => {}
                }
            }
            Body::Quote { digits, mantissas }
            | Body::TickerPrices { digits, mantissas }
            | Body::TickerChange { digits, mantissas }
            | Body::CandlePrices { digits, mantissas, .. } => {
                digits.iter().zip(mantissas).for_each(|(digits, mantissa)| {
                    add(mantissa as u64 ^ u64::from(*digits));
                });
            }
            Body::TickerVolumes { digits, words } => {
                words.iter().for_each(|word| add(*word));
                digits.iter().for_each(|digits| add(u64::from(*digits)));
            }
            Body::CandleVolume { digits, words, open_time, trades, .. } => {
                words.iter().for_each(|word| add(*word));
                add(open_time.0 as u64 ^ trades ^ u64::from(digits));
            }
            _ => panic!("no other tick is expected"),
        }
    }
    for book in &batch.books {
        add(book.first_id.unwrap_or(5) ^ book.previous_id.unwrap_or(7));
        add(book.last_id.unwrap_or(9) ^ book.exchange_time.0 as u64 ^ u64::from(book.instrument.0));
        add(u64::from(book.checksum.unwrap_or(7)) ^ book.kind as u64);
        for level in batch.levels_of(book) {
            add(level.price.mantissa() as u64
                ^ u64::from(level.price.digits())
                ^ level.side as u64);
            add(level.size.mantissa() as u64 ^ u64::from(level.size.digits()));
        }
    }
    sum
}

impl Random {
    /// A price or a size: nothing is traded at 0, and nothing rests with a size of 0.
    pub(crate) fn decimal(&mut self, whole_below: u64, digits: usize) -> String {
        let whole = self.below(whole_below.max(1));
        if digits == 0 {
            return (whole + 1).to_string();
        }
        let fraction = self.below(10_u64.pow(digits as u32)).max(u64::from(whole == 0));
        format!("{whole}.{fraction:0digits$}")
    }

    /// The same without zeros at its end.
    pub(crate) fn short_decimal(&mut self, whole_below: u64, digits: usize) -> String {
        let text = self.decimal(whole_below, digits);
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    }
}
