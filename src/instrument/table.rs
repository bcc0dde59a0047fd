//! The instruments of this process run, and the maps that lead to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrayvec::ArrayString;

use super::{ExchangeId, InstrumentId, SYMBOL_BYTES_MAX, Symbol};
use crate::limits::INSTRUMENTS_MAX;
use crate::tick::Decimal;

/// One symbol on one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// Where it trades.
    pub exchange: ExchangeId,
    /// Its canonical spelling.
    pub symbol: Symbol,
    /// Its spelling on the wire of the exchange.
    pub native: ArrayString<SYMBOL_BYTES_MAX>,
    /// Smallest step of its price, where the exchange told.
    pub tick_size: Option<Decimal>,
    /// Smallest step of its size, where the exchange told.
    pub lot_size: Option<Decimal>,
}

/// Why an instrument cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// [`INSTRUMENTS_MAX`] reached.
    #[error("more than {INSTRUMENTS_MAX} instruments")]
    Full,
}

/// Every instrument of the run; ids are handed out in order and never used for another. One that
/// was carried and is not any more keeps its id and is found no longer: because nobody wants it, or
/// because its exchange does not list it.
#[derive(Clone, Debug, Default)]
pub struct InstrumentTable {
    instruments: Vec<Instrument>,
    by_symbol: HashMap<(ExchangeId, Symbol), InstrumentId>,
    by_native: HashMap<(ExchangeId, ArrayString<SYMBOL_BYTES_MAX>), InstrumentId>,
    retired: HashMap<(ExchangeId, Symbol), InstrumentId>,
    unlisted: HashMap<(ExchangeId, Symbol), Unlisted>,
    /// Listed, and not trading now.
    idle: HashSet<InstrumentId>,
}

/// What an exchange's list says of an instrument that is wanted here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It trades; so it is until the list says otherwise.
    Trading,
    /// It is there and does not trade: its market is closed, halted or in maintenance.
    Idle,
    /// It is not there.
    Nowhere,
    /// Nobody wants it here any more, so that what was said of it is past.
    Unwanted,
}

/// An instrument that is wanted and that its exchange does not list.
#[derive(Clone, Debug)]
struct Unlisted {
    id: InstrumentId,
    nearest: Arc<[Symbol]>,
}

impl InstrumentTable {
    /// Adds an instrument, or finds it when it is there or was.
    ///
    /// # Errors
    /// [`TableError::Full`] beyond [`INSTRUMENTS_MAX`].
    pub fn add(&mut self, instrument: Instrument) -> Result<InstrumentId, TableError> {
        let key = (instrument.exchange, instrument.symbol);
        if let Some(&id) = self.by_symbol.get(&key) {
            return Ok(id);
        }
        if let Some(unlisted) = self.unlisted.get(&key) {
            return Ok(unlisted.id);
        }
        if let Some(id) = self.retired.remove(&key) {
            self.by_symbol.insert(key, id);
            return Ok(id);
        }
        if self.instruments.len() >= INSTRUMENTS_MAX {
            return Err(TableError::Full);
        }
        let id = InstrumentId(self.instruments.len() as u32);
        self.instruments.push(instrument);
        self.by_symbol.insert(key, id);
        self.by_native.insert((instrument.exchange, instrument.native), id);
        Ok(id)
    }

    /// An instrument is not carried any more.
    pub fn retire(&mut self, exchange: ExchangeId, symbol: Symbol) {
        let unlisted = self.unlisted.remove(&(exchange, symbol)).map(|unlisted| unlisted.id);
        if let Some(id) = self.by_symbol.remove(&(exchange, symbol)).or(unlisted) {
            self.retired.insert((exchange, symbol), id);
        }
    }

    /// An instrument is spelled so on the wire.
    pub fn set_native(&mut self, id: InstrumentId, native: ArrayString<SYMBOL_BYTES_MAX>) {
        let Some(instrument) = self.instruments.get_mut(id.index()) else { return };
        let key = (instrument.exchange, std::mem::replace(&mut instrument.native, native));
        let exchange = instrument.exchange;
        if self.by_native.get(&key) == Some(&id) {
            self.by_native.remove(&key);
        }
        self.by_native.insert((exchange, native), id);
    }

    /// The exchange does not list an instrument, and these come nearest: it is not carried.
    pub fn set_unlisted(&mut self, id: InstrumentId, nearest: Arc<[Symbol]>) {
        let Some(instrument) = self.instruments.get(id.index()) else { return };
        let key = (instrument.exchange, instrument.symbol);
        let was_wanted = self.by_symbol.remove(&key).is_some();
        if was_wanted || self.unlisted.contains_key(&key) {
            self.unlisted.insert(key, Unlisted { id, nearest });
        }
    }

    /// The exchange lists it now: it is carried if it is wanted.
    pub fn set_listed(&mut self, id: InstrumentId) {
        let Some(instrument) = self.instruments.get(id.index()) else { return };
        let key = (instrument.exchange, instrument.symbol);
        if self.unlisted.remove(&key).is_some() {
            self.by_symbol.insert(key, id);
        }
    }

    /// The exchange's list says whether an instrument trades now.
    pub fn set_trading(&mut self, id: InstrumentId, trading: bool) {
        if trading {
            self.idle.remove(&id);
        } else {
            self.idle.insert(id);
        }
    }

    /// What its exchange's list says of an instrument; `None` where nobody wants that.
    pub fn listed(&self, id: InstrumentId) -> Option<Listed> {
        if self.is_unlisted(id) {
            return Some(Listed::Nowhere);
        }
        let is_idle = self.idle.contains(&id);
        self.is_carried(id).then_some(if is_idle { Listed::Idle } else { Listed::Trading })
    }

    /// Whether an instrument is wanted, and not listed by its exchange.
    pub fn is_unlisted(&self, id: InstrumentId) -> bool {
        self.instrument(id).is_some_and(|instrument| {
            self.unlisted.contains_key(&(instrument.exchange, instrument.symbol))
        })
    }

    /// What comes nearest to a symbol that is wanted and not listed.
    pub fn unlisted(&self, exchange: ExchangeId, symbol: Symbol) -> Option<&Arc<[Symbol]>> {
        self.unlisted.get(&(exchange, symbol)).map(|unlisted| &unlisted.nearest)
    }

    /// Whether an instrument is carried.
    pub fn is_carried(&self, id: InstrumentId) -> bool {
        self.instrument(id).is_some_and(|instrument| {
            self.by_symbol.contains_key(&(instrument.exchange, instrument.symbol))
        })
    }

    /// Every instrument that is carried, with its id.
    pub fn carried(&self) -> impl Iterator<Item = (InstrumentId, &Instrument)> {
        let all = self.retired.is_empty() && self.unlisted.is_empty();
        self.iter().filter(move |(id, _)| all || self.is_carried(*id))
    }

    /// The instrument of an id that this table gave out.
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id.index())
    }

    /// The instrument of an id, to complete what the exchange told about it.
    pub fn instrument_mut(&mut self, id: InstrumentId) -> Option<&mut Instrument> {
        self.instruments.get_mut(id.index())
    }

    /// The id of a symbol on an exchange; the exchange's own spelling names it as well.
    pub fn find(&self, exchange: ExchangeId, symbol: Symbol) -> Option<InstrumentId> {
        let canonical = self.by_symbol.get(&(exchange, symbol)).copied();
        canonical.or_else(|| {
            let native = ArrayString::from(symbol.as_str()).ok()?;
            let id = self.by_native.get(&(exchange, native)).copied();
            id.filter(|id| self.is_carried(*id))
        })
    }

    /// Every exchange's instrument of that symbol, in the order of their ids.
    pub fn find_all(&self, symbol: Symbol) -> impl Iterator<Item = InstrumentId> {
        ExchangeId::ALL.into_iter().filter_map(move |exchange| self.find(exchange, symbol))
    }

    /// Every instrument with its id, carried or not.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &Instrument)> {
        self.instruments
            .iter()
            .enumerate()
            .map(|(index, instrument)| (InstrumentId(index as u32), instrument))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.instruments.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.instruments.is_empty()
    }
}

/// Bytes of a spelling that are compared at once. Of all that the exchanges list, some options of
/// OKX alone are longer (`1000SATS-USD-261225-100000-C`).
const KEY_BYTES: usize = 24;
const _: () = assert!(KEY_BYTES <= SYMBOL_BYTES_MAX);

/// Read at `KEY_BYTES - n`, keeps the first `n` bytes of a key.
static FIRST_BYTES: [u8; 2 * KEY_BYTES] = {
    let mut bytes = [0; 2 * KEY_BYTES];
    let mut index = 0;
    while index < KEY_BYTES {
        bytes[index] = u8::MAX;
        index += 1;
    }
    bytes
};

/// 2^64 by the golden ratio, which spreads neighbours.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// From the wire's spelling to the id, on the data plane: open addressing over keys of 24 bytes, at
/// most an eighth full, so that a look-up is one multiplication and, nearly always, one comparison.
///
/// Longer spellings, which are few, stand in a list of their own and are halved for: the branch that
/// leads there is the one that has to know a length beyond 24 anyway.
#[derive(Clone, Debug)]
pub struct NativeMap {
    slots: Vec<([u64; 3], InstrumentId)>,
    mask: usize,
    multiplier: u64,
    /// Beyond 24 bytes, in their order.
    long: Vec<(ArrayString<SYMBOL_BYTES_MAX>, InstrumentId)>,
}

impl NativeMap {
    /// A map of these spellings; a later one of the same spelling replaces the earlier. Of some
    /// multipliers it takes the one by which the fewest spellings share a slot: none of some dozens
    /// do then, so that no look-up has to guess where it ends.
    pub fn new<'a>(entries: impl IntoIterator<Item = (&'a str, InstrumentId)>) -> Self {
        let (short, long): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(native, _)| native.len() <= KEY_BYTES);
        let keyed = |(native, id): (&str, _)| Some((Self::key(native.as_bytes())?, id));
        let entries: Vec<_> = short.into_iter().filter_map(keyed).collect();
        let size = (entries.len() * 8).next_power_of_two().max(16);
        let slots = vec![([0; 3], InstrumentId::NONE); size];
        let long = Self::in_order(long);
        let mut map = Self { slots, mask: size - 1, multiplier: MULTIPLIER, long };
        let mut fewest = usize::MAX;
        for odd in (1..64).step_by(2) {
            let multiplier = MULTIPLIER.wrapping_mul(odd);
            let mut places: Vec<_> =
                entries.iter().map(|(key, _)| Self::hash(*key, multiplier) & map.mask).collect();
            places.sort_unstable();
            places.dedup();
            let shared = entries.len() - places.len();
            if shared < fewest {
                (fewest, map.multiplier) = (shared, multiplier);
            }
        }
        for (key, id) in entries {
            let index = map.slot(key);
            map.slots[index] = (key, id);
        }
        map
    }

    /// The long ones of these spellings, each with the last id that it came with.
    fn in_order(
        entries: Vec<(&str, InstrumentId)>,
    ) -> Vec<(ArrayString<SYMBOL_BYTES_MAX>, InstrumentId)> {
        // What is longer than any symbol is nobody's spelling.
        let owned = |(native, id): (&str, _)| Some((ArrayString::from(native).ok()?, id));
        let mut long: Vec<_> = entries.into_iter().rev().filter_map(owned).collect();
        // Stable: of the same spelling the last one given stays first, and alone.
        long.sort_by_key(|(native, _)| *native);
        long.dedup_by_key(|(native, _)| *native);
        long
    }

    /// The id of a spelling.
    #[inline]
    pub fn find(&self, native: &[u8]) -> Option<InstrumentId> {
        if native.len() > KEY_BYTES {
            return self.find_long(native);
        }
        self.found(Self::key(native)?)
    }

    /// The id of the spelling in the first `length` bytes of `window`, whatever follows it. Without
    /// the copy that [`NativeMap::find`] makes, which is most of its time.
    #[inline(always)]
    pub fn find_in(&self, window: &[u8; SYMBOL_BYTES_MAX], length: usize) -> Option<InstrumentId> {
        let Some(offset) = KEY_BYTES.checked_sub(length) else {
            return self.find_long(window.get(..length)?);
        };
        // What ends with a zero byte would look like a shorter spelling with its padding.
        if *window.get(length.wrapping_sub(1))? == 0 {
            return None;
        }
        let keep = FIRST_BYTES.get(offset..)?.first_chunk()?;
        let (key, keep) = (Self::words(window.first_chunk()?), Self::words(keep));
        self.found(std::array::from_fn(|index| key[index] & keep[index]))
    }

    #[cold]
    #[inline(never)]
    fn find_long(&self, native: &[u8]) -> Option<InstrumentId> {
        let place = self.long.binary_search_by(|(known, _)| known.as_bytes().cmp(native)).ok()?;
        self.long.get(place).map(|(_, id)| *id)
    }

    #[inline(always)]
    fn found(&self, key: [u64; 3]) -> Option<InstrumentId> {
        let (_, id) = self.slots.get(self.slot(key))?;
        // An empty slot's.
        (*id != InstrumentId::NONE).then_some(*id)
    }

    /// The slot of a key: its own, or the empty one where it would stand.
    #[inline(always)]
    fn slot(&self, key: [u64; 3]) -> usize {
        let mut index = Self::hash(key, self.multiplier) & self.mask;
        // Ends: at most an eighth of the slots are taken.
        while let Some((taken, id)) = self.slots.get(index)
            && !Self::is_same(*taken, key)
            && *id != InstrumentId::NONE
        {
            index = (index + 1) & self.mask;
        }
        index
    }

    /// Without a call for 24 bytes, and without a branch for each eight.
    #[inline(always)]
    const fn is_same(one: [u64; 3], other: [u64; 3]) -> bool {
        (one[0] ^ other[0]) | (one[1] ^ other[1]) | (one[2] ^ other[2]) == 0
    }

    #[inline(always)]
    const fn hash(key: [u64; 3], multiplier: u64) -> usize {
        let mixed = key[0] ^ key[1].rotate_left(23) ^ key[2].rotate_left(46);
        (mixed.wrapping_mul(multiplier) >> 32) as usize
    }

    /// The spelling padded with zeros; `None` when empty, too long, or one that ends with a zero
    /// byte, whose padding could not be told from it.
    #[inline]
    fn key(native: &[u8]) -> Option<[u64; 3]> {
        if native.last().is_none_or(|&last| last == 0) || native.len() > KEY_BYTES {
            return None;
        }
        let mut bytes = [0_u8; KEY_BYTES];
        bytes[..native.len()].copy_from_slice(native);
        Some(Self::words(&bytes))
    }

    #[inline]
    fn words(bytes: &[u8; KEY_BYTES]) -> [u64; 3] {
        let (words, _) = bytes.as_chunks::<8>();
        std::array::from_fn(|index| u64::from_le_bytes(words[index]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found_and_no_other() {
        let natives: Vec<String> = (0..500).map(|index| format!("SYM{index}USDT")).collect();
        let map = NativeMap::new(
            natives
                .iter()
                .enumerate()
                .map(|(id, native)| (native.as_str(), InstrumentId(id as u32))),
        );
        for (id, native) in natives.iter().enumerate() {
            assert_eq!(map.find(native.as_bytes()), Some(InstrumentId(id as u32)));
            let mut window = [b'7'; SYMBOL_BYTES_MAX];
            window[..native.len()].copy_from_slice(native.as_bytes());
            assert_eq!(map.find_in(&window, native.len()), Some(InstrumentId(id as u32)));
        }
        let mut padded = [0; SYMBOL_BYTES_MAX];
        padded[..8].copy_from_slice(b"SYM1USDT");
        assert_eq!(map.find(b"SYM500USDT"), None);
        assert_eq!(map.find(b"SYM1USDT\0"), None);
        assert_eq!(map.find_in(&padded, b"SYM1USDT\0".len()), None);
        assert_eq!(map.find(b""), None);
        assert_eq!(map.find(&[b'X'; 25]), None);
        for length in [24, 25, SYMBOL_BYTES_MAX, SYMBOL_BYTES_MAX + 1, 0] {
            assert_eq!(map.find_in(&[b'X'; SYMBOL_BYTES_MAX], length), None, "{length}");
        }
    }

    #[test]
    fn a_spelling_of_any_length_is_found_beside_its_neighbours() {
        let natives: Vec<String> = (20..=SYMBOL_BYTES_MAX)
            .flat_map(|size| [b'A', b'B'].map(|c| (c, size)))
            .map(|(last, size)| format!("{}{}", "1".repeat(size - 1), char::from(last)))
            .collect();
        let entries = || {
            let ids = natives.iter().zip(0..);
            ids.map(|(native, id)| (native.as_str(), InstrumentId(id)))
        };
        // Given twice, under another id first: the later one counts.
        let stale = entries().map(|(native, _)| (native, InstrumentId(9_999)));
        let map = NativeMap::new(stale.chain(entries()));
        for (native, id) in entries() {
            assert_eq!(map.find(native.as_bytes()), Some(id), "{native}");
            let mut window = [b'1'; SYMBOL_BYTES_MAX];
            window[..native.len()].copy_from_slice(native.as_bytes());
            assert_eq!(map.find_in(&window, native.len()), Some(id), "{native}");
        }
        assert_eq!(map.find("1".repeat(30).as_bytes()), None);
        assert_eq!(map.find("1".repeat(SYMBOL_BYTES_MAX + 1).as_bytes()), None);
    }

    #[test]
    fn an_instrument_is_added_once() {
        let mut table = InstrumentTable::default();
        let instrument = Instrument {
            exchange: ExchangeId::Binance,
            symbol: Symbol::parse("BTC/USDT").expect("valid"),
            native: ArrayString::from("BTCUSDT").expect("short"),
            tick_size: None,
            lot_size: None,
        };
        assert_eq!(table.add(instrument), Ok(InstrumentId(0)));
        assert_eq!(table.add(instrument), Ok(InstrumentId(0)));
        assert_eq!(table.len(), 1);
        assert_eq!(table.find_all(instrument.symbol).collect::<Vec<_>>(), [InstrumentId(0)]);
    }

    #[test]
    fn one_that_retires_keeps_its_id_and_comes_back_to_it() {
        let mut table = InstrumentTable::default();
        let instrument = |symbol: &str| Instrument {
            exchange: ExchangeId::Binance,
            symbol: Symbol::parse(symbol).expect("valid"),
            native: ArrayString::from(&symbol.replace('/', "")).expect("short"),
            tick_size: None,
            lot_size: None,
        };
        let (one, two) = (instrument("BTC/USDT"), instrument("ETH/USDT"));
        table.add(one).and(table.add(two)).expect("room");
        table.retire(one.exchange, one.symbol);
        assert_eq!(table.find(one.exchange, one.symbol), None);
        assert_eq!(table.carried().map(|(id, _)| id).collect::<Vec<_>>(), [InstrumentId(1)]);
        assert_eq!((table.len(), table.instrument(InstrumentId(0))), (2, Some(&one)));
        assert_eq!(table.add(one), Ok(InstrumentId(0)));
        assert!(table.is_carried(InstrumentId(0)));
    }

    #[test]
    fn what_is_not_listed_is_wanted_and_not_found_until_it_is() {
        let mut table = InstrumentTable::default();
        let symbol = Symbol::parse("AAPLx/USD").expect("valid");
        let one = Instrument {
            exchange: ExchangeId::Kraken,
            symbol,
            native: ArrayString::from("AAPLX/USD").expect("short"),
            tick_size: None,
            lot_size: None,
        };
        let id = table.add(one).expect("room");
        let nearest: Arc<[Symbol]> = Arc::new([Symbol::parse("AAPL/USD").expect("valid")]);
        table.set_unlisted(id, Arc::clone(&nearest));
        assert_eq!((table.find(one.exchange, symbol), table.carried().count()), (None, 0));
        assert_eq!(table.unlisted(one.exchange, symbol), Some(&nearest));
        assert_eq!(table.add(one), Ok(id), "still the same");
        assert!(table.is_unlisted(id) && !table.is_carried(id));
        table.set_native(id, ArrayString::from("AAPLx/USD").expect("short"));
        table.set_listed(id);
        assert_eq!(table.find(one.exchange, symbol), Some(id));
        table.retire(one.exchange, symbol);
        table.set_unlisted(id, nearest);
        table.set_listed(id);
        assert!(!table.is_unlisted(id) && !table.is_carried(id), "nobody wants it");
    }

    #[test]
    fn the_exchanges_own_spelling_names_an_instrument_too() {
        let mut table = InstrumentTable::default();
        let one = Instrument {
            exchange: ExchangeId::Okx,
            symbol: Symbol::parse("BTC/USDT:USDT").expect("valid"),
            native: ArrayString::from("BTC-USDT-PERP").expect("short"),
            tick_size: None,
            lot_size: None,
        };
        let id = table.add(one).expect("room");
        table.set_native(id, ArrayString::from("BTC-USDT-SWAP").expect("short"));
        let find = |text: &str| table.find(one.exchange, Symbol::parse(text).expect("valid"));
        assert_eq!((find("BTC/USDT:USDT"), find("BTC-USDT-SWAP")), (Some(id), Some(id)));
        assert_eq!(find("BTC-USDT-PERP"), None, "a guess that was given up");
    }
}
