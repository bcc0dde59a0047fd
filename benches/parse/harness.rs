//! What all exchanges' frames are parsed and compared by.

use tickwire::exchange::Batch;
use tickwire::limits::FRAME_PADDING;
use tickwire::tick::{Body, TradeId};

pub(crate) use crate::random::Random;

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

/// A candidate with its reused memory, for frames of one kind.
pub(crate) trait Parse {
    /// Parses one frame into its batch.
    fn parse(&mut self, frame: &mut PaddedText);

    /// What the last frame came to.
    fn batch(&self) -> &Batch;
}

/// The same for many frames, so that no virtual call is part of what is timed.
pub(crate) trait Contender {
    /// Parses every frame; nothing else is timed.
    fn run(&mut self, frames: &mut [PaddedText]);

    /// Parses every frame and sums up what came out.
    fn checksum(&mut self, frames: &mut [PaddedText]) -> u64;
}

impl<P: Parse> Contender for P {
    fn run(&mut self, frames: &mut [PaddedText]) {
        for frame in frames {
            self.parse(frame);
            std::hint::black_box(self.batch());
        }
    }

    fn checksum(&mut self, frames: &mut [PaddedText]) -> u64 {
        frames.iter_mut().fold(0, |sum, frame| {
            self.parse(frame);
            checksum(sum, self.batch())
        })
    }
}

/// Frames of one kind, and who parses them.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) frames: Vec<PaddedText>,
    pub(crate) contender: Box<dyn Fn(Candidate) -> Box<dyn Contender>>,
}

impl Subject {
    /// `new` makes a contender's parser.
    pub(crate) fn new<P: Parse + 'static>(
        name: String,
        frames: Vec<PaddedText>,
        new: impl Fn(Candidate) -> P + 'static,
    ) -> Self {
        let contender = move |candidate| Box::new(new(candidate)) as Box<dyn Contender>;
        Self { name, frames, contender: Box::new(contender) }
    }
}

/// Those of a recording's frames that are of one kind, and the symbols that they name, each once;
/// `None` for a handful, which would measure the caches.
pub(crate) fn of_kind(
    frames: &[String],
    is_of_kind: impl Fn(&str) -> bool,
    symbol_of: impl Fn(&str) -> String,
) -> Option<(Vec<PaddedText>, Vec<String>)> {
    let frames: Vec<&String> = frames.iter().filter(|frame| is_of_kind(frame)).collect();
    if frames.len() < 40 {
        return None;
    }
    let mut symbols: Vec<String> = frames.iter().map(|frame| symbol_of(frame)).collect();
    symbols.sort();
    symbols.dedup();
    Some((frames.into_iter().map(|frame| PaddedText::new(frame)).collect(), symbols))
}

/// What stands between `mark`, which ends with a quotation mark, and the next one.
pub(crate) fn quoted_after(frame: &str, mark: &str) -> String {
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
