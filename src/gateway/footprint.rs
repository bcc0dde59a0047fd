//! How much memory a configuration takes: what is to be expected, and what it can be at most.
//!
//! Every sum here is one of the bounds of `limits/` times what there is so many of. Expected is
//! a gateway whose histories are full, whose books have some thousand levels, and which serves a
//! hundred clients that keep up. At most is everything at once: every client's queue full, every
//! book as large as one may be, the largest frame on every connection.

use std::fmt;

use super::{FeedConfig, instruments, streams};
use crate::cache::CacheSize;
use crate::config::Config;
use crate::exchange::{self, Continuity};
use crate::feed::subscriptions;
use crate::instrument::{Channel, InstrumentTable, TableError};
use crate::latency::Histograms;
use crate::limits;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// The program itself, its threads and its list of authorities.
const PROGRAM: Bytes = Bytes { expected: 16 * MIB, most: 32 * MIB };

/// Bytes of a level of a book.
const LEVEL_BYTES: usize = 32;

/// Levels of a book on both sides, as most exchanges send them.
const LEVELS_EXPECTED: usize = 4_000;

/// Bytes of a level that waits for its event or its snapshot.
const WAITING_LEVEL_BYTES: usize = 40;

/// Clients that are expected, where so many are allowed.
const CLIENTS_EXPECTED: usize = 100;

/// A client without what waits for it: its buffers and its subscriptions; with TLS.
const CLIENT_BYTES: usize = 32 * KIB;

/// A connection's records ahead of decryption, and what the parser keeps.
const CONNECTION_BYTES: usize = 64 * KIB + 12 * limits::JSON_BYTES_KEPT;

/// Entries of an exchange's list, as most have.
const LISTED_EXPECTED: usize = 1_000;

/// One of them in the directory, by its names and by each (entry 160, keys and places in tables that
/// are half empty 600, and what growing vectors reserve), and in what clients are told of it.
const LISTED_BYTES: usize = 1_280;

/// The same while a list comes: as it is read (240), its parts and the whole on their way (480), and
/// what clients are told, twice.
const LISTED_BYTES_PASSING: usize = 1_280;

/// The parser's tape takes up to so many bytes for one of a frame.
const TAPE_PER_BYTE: usize = 12;

/// What allocators lose between what they hand out, in percent of that.
const LOST_PERCENT: usize = 10;

/// Two sums of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// With full histories, usual books and clients that keep up.
    pub expected: usize,
    /// With everything at its bound.
    pub most: usize,
}

impl Bytes {
    const fn both(bytes: usize) -> Self {
        Self { expected: bytes, most: bytes }
    }

    const fn times(self, count: usize) -> Self {
        Self {
            expected: self.expected.saturating_mul(count),
            most: self.most.saturating_mul(count),
        }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            expected: self.expected.saturating_add(other.expected),
            most: self.most.saturating_add(other.most),
        }
    }
}

/// What a gateway of one configuration holds, part by part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// What it is, and how much.
    pub parts: Vec<(&'static str, Bytes)>,
    /// What would have to happen at once for the most, in words: the largest causes.
    pub causes: Vec<String>,
}

impl Footprint {
    /// What the configuration takes.
    ///
    /// # Errors
    /// When it names more instruments than fit.
    pub fn of(config: &Config) -> Result<Self, TableError> {
        let table = instruments(config)?;
        let broadcasters = config.gateway.broadcasters;
        let (feeds, threads) = (config.feeds.len(), config.feeds.len() + broadcasters);
        let ring = limits::RING_TICKS_CAPACITY * size_of::<crate::tick::Tick>();
        let books: usize = config.feeds.iter().map(books).sum();
        let beside = config.feeds.iter().map(beside).fold(Bytes::default(), Bytes::plus);
        let connections: usize = config.feeds.iter().map(|feed| connections(feed, &table)).sum();
        let cache = CacheSize::of(config.history.of_one(broadcasters), table.len());
        let histories = Bytes { expected: cache.histories_expected, most: cache.histories_most };
        let mut parts = vec![
            ("program", PROGRAM),
            ("rings", Bytes::both(ring).times(feeds * broadcasters)),
            ("latency histograms", Bytes::both(Histograms::BYTES * sets()).times(threads)),
            ("histories", histories.times(broadcasters)),
            ("instruments", Bytes::both(cache.instruments).times(broadcasters)),
            ("books", book().times(books * (1 + broadcasters)).plus(beside)),
            ("lists of instruments", list().times(feeds)),
            ("connections to exchanges", connection().times(connections).plus(feed().times(feeds))),
            ("clients", clients(config)),
        ];
        let sum = parts.iter().fold(Bytes::default(), |sum, (_, bytes)| sum.plus(*bytes));
        let lost = |bytes: usize| bytes / 100 * LOST_PERCENT;
        let lost = Bytes { expected: lost(sum.expected), most: lost(sum.most) };
        parts.push(("lost between allocations", lost));
        let causes = causes(config, &parts, books, sum.most);
        Ok(Self { parts, causes })
    }

    /// All parts together.
    pub fn sum(&self) -> Bytes {
        self.parts.iter().fold(Bytes::default(), |sum, (_, bytes)| sum.plus(*bytes))
    }

    /// Its parts, one a line, as comments of a configuration file.
    pub fn table(&self) -> String {
        let mut text = format!("# {self}\n# in MiB:{:>28}{:>9}\n", "expected", "most");
        for (part, Bytes { expected, most }) in &self.parts {
            let (expected, most) = (mebibytes(*expected), mebibytes(*most));
            text.push_str(&format!("#   {part:<25}{expected:>8}{most:>9}\n"));
        }
        text
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bytes { expected, most } = self.sum();
        let expected = mebibytes(expected);
        write!(formatter, "memory: expected about {expected} MiB; at most {}", size(most))?;
        match &*self.causes {
            [] => Ok(()),
            causes => write!(formatter, ", if at once {}", causes.join(" and ")),
        }
    }
}

/// A part that makes less than this share of the most, as its inverse, is not worth a word.
const CAUSE_SHARE: usize = 8;

/// Why it could be so much: what clients and exchanges would have to do, the largest first.
fn causes(
    config: &Config,
    parts: &[(&'static str, Bytes)],
    books: usize,
    most: usize,
) -> Vec<String> {
    let mut large: Vec<_> =
        parts.iter().filter(|(_, bytes)| bytes.most > most / CAUSE_SHARE).collect();
    large.sort_by_key(|(_, bytes)| std::cmp::Reverse(bytes.most));
    let words = large.into_iter().filter_map(|(part, bytes)| match *part {
        "clients" => {
            let (count, each) = (config.gateway.max_clients, client_most(config));
            let queue = size(config.gateway.client_queue_bytes.0);
            // The rest is what a few may be owed.
            (bytes.most / 2 < count.saturating_mul(each)).then(|| {
                format!(
                    "{count} clients (max_clients) each left {queue} (client_queue_bytes) unread"
                )
            })
        }
        "books" => {
            let levels = limits::BOOK_LEVELS_MAX;
            Some(format!("each of {books} books had {levels} levels a side"))
        }
        "connections to exchanges" => {
            let largest = size(limits::FRAME_BYTES_MAX);
            Some(format!("every exchange sent frames of {largest}"))
        }
        _ => None,
    });
    words.collect()
}

/// In the unit in which it reads well.
fn size(bytes: usize) -> String {
    match bytes {
        0..MIB => format!("{} KiB", bytes.div_ceil(KIB)),
        _ if bytes < KIB * MIB => format!("{} MiB", mebibytes(bytes)),
        _ => {
            let tenths = bytes.saturating_mul(10).div_ceil(KIB * MIB);
            format!("{}.{} GiB", tenths / 10, tenths % 10)
        }
    }
}

/// Whole ones, none too few.
const fn mebibytes(bytes: usize) -> usize {
    bytes.div_ceil(MIB)
}

/// Sets of histograms for one thread that measures: those that change hands, the sum since the
/// start, and the last minute.
const fn sets() -> usize {
    limits::LATENCY_SETS + 1 + limits::LATENCY_WINDOW_SLOTS
}

fn books(feed: &FeedConfig) -> usize {
    if feed.channels.contains(&Channel::Orderbook) { feed.symbols.len() } else { 0 }
}

/// One copy of a book.
const fn book() -> Bytes {
    Bytes {
        expected: LEVELS_EXPECTED * LEVEL_BYTES,
        most: 2 * limits::BOOK_LEVELS_MAX * LEVEL_BYTES
            + limits::BOOK_STAGING_KEPT * WAITING_LEVEL_BYTES,
    }
}

/// What a feed keeps beside its books at times: what waits for a snapshot, or where no number tells
/// what follows what, each once more as a connection brings it that is behind.
fn beside(feed: &FeedConfig) -> Bytes {
    let most = match exchange::profile(feed.exchange).book.continuity {
        Continuity::None => book().most,
        _ => limits::HELD_LEVELS_MAX * WAITING_LEVEL_BYTES,
    };
    Bytes { expected: 0, most }.times(books(feed))
}

fn connections(feed: &FeedConfig, table: &InstrumentTable) -> usize {
    let wanted = subscriptions(table, feed.exchange, &streams(feed));
    exchange::adapter_at(feed.exchange, &feed.url).plan(&wanted).len() * feed.lines
}

/// One connection; while it is replaced as planned there are two.
const fn connection() -> Bytes {
    let usual = limits::UPSTREAM_BUFFER_BYTES + CONNECTION_BYTES / 4;
    Bytes { expected: usual, most: 2 * (CONNECTION_BYTES + 2 * limits::FRAME_BYTES_MAX) }
}

/// One exchange's thread: the ticks and levels of a frame, the parser's tape of the largest, and
/// an answer beside the stream.
const fn feed() -> Bytes {
    let levels = limits::FRAME_LEVELS_MAX * WAITING_LEVEL_BYTES;
    let held = limits::HELD_BACK_MAX * 96;
    let frame = limits::FRAME_BYTES_MAX * TAPE_PER_BYTE + levels + held;
    Bytes { expected: MIB, most: frame + 2 * limits::REST_BODY_BYTES_MAX as usize }
}

/// What one exchange lists.
const fn list() -> Bytes {
    Bytes {
        expected: LISTED_EXPECTED * LISTED_BYTES,
        most: limits::LIST_ENTRIES_MAX * (LISTED_BYTES + LISTED_BYTES_PASSING),
    }
}

/// One client that reads nothing.
fn client_most(config: &Config) -> usize {
    let queue = config.gateway.client_queue_bytes.0
        + limits::CATCH_UP_BYTES_MAX
        + limits::OUTBOX_CHUNK_BYTES;
    CLIENT_BYTES + limits::REQUEST_BYTES_MAX + queue + limits::OWED_BYTES_USUAL
}

fn clients(config: &Config) -> Bytes {
    let gateway = &config.gateway;
    let shared = limits::ARENA_BYTES_KEPT;
    let kept = limits::OUTBOX_CHUNKS_KEPT * limits::OUTBOX_CHUNK_BYTES;
    let each = client_most(config);
    let large = limits::OWED_LARGE_MAX * 2 * limits::BOOK_LEVELS_MAX * WAITING_LEVEL_BYTES;
    Bytes {
        expected: shared * gateway.broadcasters
            + gateway.max_clients.min(CLIENTS_EXPECTED) * CLIENT_BYTES,
        most: ((shared + kept + large) * gateway.broadcasters)
            .saturating_add(gateway.max_clients.saturating_mul(each)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint(more: &str) -> Footprint {
        let text = format!(
            "{more}\n[[feed]]\nexchange = \"binance\"\nsymbols = [\"BTC/USDT\", \"ETH/USDT\"]\n"
        );
        Footprint::of(&Config::parse(&text, None, []).expect("valid")).expect("they fit")
    }

    fn part(footprint: &Footprint, name: &str) -> Bytes {
        let found = footprint.parts.iter().find(|(part, _)| *part == name);
        found.expect("it is a part").1
    }

    #[test]
    fn the_sum_is_that_of_the_parts_and_never_more_expected_than_possible() {
        let footprint = footprint("");
        assert!(footprint.parts.iter().all(|(_, bytes)| bytes.expected <= bytes.most));
        let most: usize = footprint.parts.iter().map(|(_, bytes)| bytes.most).sum();
        assert_eq!(footprint.sum().most, most);
        assert!(footprint.table().lines().all(|line| line.starts_with('#')));
        assert_eq!(footprint.table().lines().count(), footprint.parts.len() + 2);
    }

    #[test]
    fn histories_are_at_most_what_is_configured_however_many_broadcasters_share_them() {
        for more in ["", "[gateway]\nbroadcasters = 4"] {
            assert_eq!(part(&footprint(more), "histories").most, 64 * MIB, "{more}");
        }
        let small = footprint("[history]\nbytes = \"2MiB\"");
        assert_eq!(part(&small, "histories"), Bytes::both(2 * MIB));
        let few = part(&footprint("[history]\nevents = 100"), "histories");
        assert!(few.expected < MIB && few.most <= 64 * MIB, "{few:?}");
    }

    #[test]
    fn the_most_is_told_with_what_it_would_take() {
        let text = footprint("").to_string();
        let (expected, most) = text.split_once("; at most ").expect("both");
        assert!(expected.starts_with("memory: expected about "), "{text}");
        assert!(most.contains(" GiB, if at once 10000 clients (max_clients) each left 1 MiB (client_queue_bytes) unread"), "{text}");
        assert!(!most.contains("books"), "two of them are no matter: {text}");
        let few = footprint("[gateway]\nmax_clients = 1").to_string();
        assert!(few.contains("frames of 16 MiB") && !few.contains("clients"), "{few}");
        let sizes = [1, MIB, 1_023 * MIB, KIB * MIB, 19_874 * MIB].map(size);
        assert_eq!(sizes, ["1 KiB", "1 MiB", "1023 MiB", "1.0 GiB", "19.5 GiB"]);
    }

    #[test]
    fn every_client_and_broadcaster_counts() {
        let with = |more: &str| footprint(more).sum();
        let usual = with("");
        let fewer = with("[gateway]\nmax_clients = 10");
        assert!(fewer.most < usual.most / 2 && fewer.expected < usual.expected);
        let more = with("[gateway]\nbroadcasters = 2");
        assert!(more.expected > usual.expected && more.most > usual.most);
    }
}
