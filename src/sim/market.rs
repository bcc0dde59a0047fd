//! The market behind a simulated exchange: per instrument a book of resting orders, takers that
//! consume it, and all that follows from the two. It knows no protocol, no clock and no socket.
//!
//! One [`Market::step`] is one taker order: it trades against the best level, then some orders
//! are placed, changed and cancelled. Every change of the book has an update id of its own, so
//! that trades, best prices, deltas and snapshots that an exchange derives from it agree.

use std::collections::HashSet;

use arrayvec::ArrayVec;

use super::candle::{Bar, Candles, interval_of};
use super::listing::Listed;
use super::random::Random;
use super::resting::{BookSide, Resting, RestingBook};
use super::tamper::plain;
use super::truth::{PastBook, level_print};
use crate::limits::SIM_TRADE_ID_MAX;

/// Levels that each side is kept near.
const LEVELS: usize = 250;

/// Levels that appear at once beyond the others, on each side, where that is asked for.
const DEEPER_PER_STEP: u32 = 200;

/// One match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print {
    /// Contiguous per instrument.
    pub id: u64,
    /// In ticks.
    pub price: i64,
    /// In lots.
    pub size: i64,
    /// Side of the taker.
    pub taker: BookSide,
    /// Number of the taker's order, contiguous per instrument; an order may meet several makers.
    pub order: u64,
}

/// One change of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) side: BookSide,
    pub(super) price: i64,
    pub(super) update_id: u64,
}

/// What one step did; reused from step to step.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    /// Index of the instrument.
    pub(super) instrument: usize,
    /// Number of the taker's order, contiguous per instrument.
    pub(super) order_id: u64,
    /// All at one price.
    pub(super) prints: ArrayVec<Print, 2>,
    /// In the order of their update ids.
    pub(super) changes: Vec<Change>,
    /// The best price or its size is another than before.
    pub(super) best_changed: bool,
}

/// How update ids are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// Each instrument has its own contiguous ids.
    PerInstrument,
    /// All share one counter, so that an instrument's ids have holes.
    Shared,
}

/// Sums since the market began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Day {
    /// First price, in ticks.
    pub open: i64,
    /// Highest.
    pub high: i64,
    /// Lowest.
    pub low: i64,
    /// Last.
    pub last: i64,
    /// Lots of the last trade.
    pub last_size: i64,
    /// Lots traded.
    pub volume: u128,
    /// Ticks × lots traded.
    pub turnover: u128,
    /// First trade's id.
    pub first_id: u64,
    /// Trades; the last one's id is `first_id + count - 1`.
    pub count: u64,
}

/// One instrument's state.
#[derive(Clone, Debug)]
pub(super) struct Traded {
    pub(super) listed: Listed,
    pub(super) book: RestingBook,
    /// Id of the last change of its book.
    pub(super) update_id: u64,
    pub(super) day: Day,
    pub(super) candles: Candles,
    /// Number of the next taker's order.
    order_id: u64,
    /// Levels that are still to appear beyond the others, on each side.
    deeper: u32,
    /// Usual order in lots.
    usual: i64,
    /// Usual distance of neighbouring levels, in ticks.
    spacing: i64,
    /// The states that its book had, if they are remembered.
    past: Vec<PastBook>,
    /// Fingerprint of its whole book, likewise.
    print: u64,
    /// Levels that the last answer with a whole book left out and that did not change since, likewise,
    /// and their fingerprint.
    untold: HashSet<(BookSide, i64)>,
    untold_print: u64,
}

/// All instruments of one exchange.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub(super) traded: Vec<Traded>,
    counting: Counting,
    /// Last id given, where one counter is shared.
    shared_id: u64,
    random: Random,
    /// Running sums of the instruments' shares of the trades.
    shares: Vec<u64>,
    /// Levels of each side by which the past states of books are remembered; 0 remembers none.
    remembered: usize,
}

impl Market {
    pub(super) fn new(list: Vec<Listed>, counting: Counting, seed: u64) -> Self {
        let mut random = Random::new(seed);
        // Zipf's law: the n-th busiest instrument trades an n-th as often as the first.
        let mut sum = 0;
        let mut share = |rank: usize| {
            sum += 1_000_000 / (rank as u64 + 1);
            sum
        };
        let shares = (0..list.len()).map(&mut share).collect();
        let mut market = Self {
            traded: Vec::with_capacity(list.len()),
            counting,
            shared_id: 5_000_000_000_000 + random.below(1_000_000_000),
            random,
            shares,
            remembered: 0,
        };
        for listed in list {
            let traded = Traded::new(listed, &mut market.random);
            market.traded.push(traded);
        }
        for index in 0..market.traded.len() {
            market.fill(index);
        }
        market
    }

    /// Lets one taker come to one instrument at `unix_ms`.
    pub(super) fn step(&mut self, unix_ms: i64, step: &mut Step) {
        let ticket = self.random.below(self.shares.last().copied().unwrap_or(0));
        let index = self.shares.partition_point(|sum| *sum <= ticket);
        step.instrument = index;
        step.prints.clear();
        step.changes.clear();
        let before = self.traded[index].touch();
        self.take(index, unix_ms, step);
        for _ in 0..1 + self.random.below(3) {
            self.place(index, step);
        }
        if self.traded[index].deeper > 0 {
            self.deepen_some(index, step);
        } else {
            self.repair(index, step);
        }
        step.best_changed = before != self.traded[index].touch();
        if self.remembered > 0 {
            self.traded[index].keep_state(self.remembered);
        }
    }

    /// Remembers every state of every book from now on, by so many levels of each side.
    pub(super) fn remember(&mut self, depth: usize) {
        self.remembered = depth;
        for traded in &mut self.traded {
            traded.print = traded.print_to(usize::MAX);
            traded.keep_state(depth);
        }
    }

    /// The states that a book had since they are remembered, oldest first.
    pub(super) fn past_books(&self, index: usize) -> &[PastBook] {
        self.traded.get(index).map_or(&[], |traded| &traded.past)
    }

    /// A book was told whole, but for what lies beyond so many levels of a side.
    pub(super) fn told_whole(&mut self, index: usize, depth: usize) {
        if self.remembered > 0 {
            let traded = &mut self.traded[index];
            let sides = [BookSide::Bid, BookSide::Ask];
            let rest = |side| traded.book.levels(side).skip(depth).map(move |one| (side, one));
            let left_out: Vec<_> = sides.into_iter().flat_map(rest).collect();
            let print = |(side, level): &(BookSide, Resting)| {
                traded.level_print(*side, level.price, level.size)
            };
            traded.untold_print = left_out.iter().map(print).fold(0, u64::wrapping_add);
            traded.untold = left_out.iter().map(|(side, level)| (*side, level.price)).collect();
            traded.keep_state(self.remembered);
        }
    }

    /// The candles of an instrument in an interval of so many seconds, up to the one that is open.
    pub(super) fn bars(&self, index: usize, seconds: i64, now_ms: i64) -> Vec<Bar> {
        let of = self.traded.get(index).zip(interval_of(seconds));
        of.map_or_else(Vec::new, |(traded, interval)| traded.candles.all(interval, now_ms))
    }

    /// The trades of an instrument, or of all, are numbered anew from now on, low.
    pub(super) fn begin_trades_anew(&mut self, symbol: Option<&str>) {
        for index in self.chosen(symbol) {
            let (id, order) = (1 + self.random.below(1_000_000), 1 + self.random.below(1_000_000));
            let traded = &mut self.traded[index];
            traded.day = Day { first_id: id, ..Day::of(&[], traded.day.last) };
            traded.order_id = order;
        }
    }

    /// The ids of an instrument's trades, or of all, go on that much further ahead, as far as there
    /// are numbers.
    pub(super) fn leap_trades(&mut self, symbol: Option<&str>, by: u64) {
        for index in self.chosen(symbol) {
            let traded = &mut self.traded[index];
            let id = traded.next_id().saturating_add(by).min(SIM_TRADE_ID_MAX);
            traded.day = Day { first_id: id, ..Day::of(&[], traded.day.last) };
            traded.order_id = traded.order_id.saturating_add(by).min(SIM_TRADE_ID_MAX);
        }
    }

    /// With the next trades of an instrument, or of all, so many levels appear beyond the others.
    pub(super) fn deepen_by(&mut self, symbol: Option<&str>, count: u32) {
        for index in self.chosen(symbol) {
            self.traded[index].deeper = count;
        }
    }

    /// The changes of an instrument's book, or of all, are numbered anew from now on, low.
    pub(super) fn begin_updates_anew(&mut self, symbol: Option<&str>) {
        let shared = self.counting == Counting::Shared;
        self.shared_id = 1 + self.random.below(1_000);
        for index in self.chosen(symbol.filter(|_| !shared)) {
            self.traded[index].update_id = self.shared_id;
        }
    }

    fn chosen(&self, symbol: Option<&str>) -> Vec<usize> {
        let symbol = symbol.map(plain);
        let meant = |traded: &Traded| {
            symbol.as_ref().is_none_or(|symbol| *symbol == plain(&traded.listed.native))
        };
        (0..self.traded.len()).filter(|index| meant(&self.traded[*index])).collect()
    }

    /// Gives every book its first levels.
    fn fill(&mut self, index: usize) {
        let (start, spacing) = (self.traded[index].listed.start, self.traded[index].spacing);
        let mut ignored = Step::default();
        let usual = self.traded[index].usual;
        let size = self.random.one_to(8 * usual);
        self.change(index, BookSide::Bid, start, size, &mut ignored);
        let ask = start + self.random.one_to(spacing.min(3));
        self.change(index, BookSide::Ask, ask, size, &mut ignored);
        while self.traded[index].book.count(BookSide::Ask) < LEVELS {
            self.deepen(index, BookSide::Bid, &mut ignored);
            self.deepen(index, BookSide::Ask, &mut ignored);
        }
    }

    /// The taker's order: the best level of the other side gives way.
    fn take(&mut self, index: usize, unix_ms: i64, step: &mut Step) {
        let taker = self.taker(index);
        let maker = taker.opposite();
        let Some(best) = self.traded[index].book.best(maker) else { return };
        // A quarter of the orders takes the whole level, so that prices move.
        let wanted = match self.random.percent(25) {
            true => best.size,
            false => self.random.one_to(self.traded[index].usual),
        };
        let filled = wanted.min(best.size);
        self.change(index, maker, best.price, best.size - filled, step);
        let traded = &mut self.traded[index];
        step.order_id = traded.order_id;
        traded.order_id += 1;
        // An eighth meets two makers at that price: two trades, one aggregate.
        let split = filled >= 2 && self.random.percent(12);
        let first = if split { self.random.one_to(filled - 1) } else { filled };
        for size in [first, filled - first].into_iter().filter(|size| *size > 0) {
            let (id, order) = (traded.next_id(), step.order_id);
            let print = Print { id, price: best.price, size, taker, order };
            traded.day.add(&print);
            traded.candles.add(unix_ms, &print);
            step.prints.push(print);
        }
    }

    /// Buys and sells alternate at random, leaning against the distance from the start, so that no
    /// price runs away; at half and at twice the start nobody leans further.
    fn taker(&mut self, index: usize) -> BookSide {
        let traded = &self.traded[index];
        let start = traded.listed.start;
        let price = traded.book.best(BookSide::Bid).map_or(start, |best| best.price);
        let lean = ((price - start) * 100 / start).clamp(-50, 50);
        match self.random.percent((50 - lean) as u64) && price < start * 2 || price <= start / 2 {
            true => BookSide::Bid,
            false => BookSide::Ask,
        }
    }

    /// One order of a maker: a better price, another size, or a cancellation.
    fn place(&mut self, index: usize, step: &mut Step) {
        let side = if self.random.percent(50) { BookSide::Bid } else { BookSide::Ask };
        let (spacing, usual) = (self.traded[index].spacing, self.traded[index].usual);
        let book = &self.traded[index].book;
        let [Some(bid), Some(ask)] = [BookSide::Bid, BookSide::Ask].map(|side| book.best(side))
        else {
            return;
        };
        let gap = ask.price - bid.price - 1;
        let size = self.random.one_to(4 * usual);
        if gap > 0 && self.random.percent(40) {
            let step_in = self.random.one_to(gap.min(spacing));
            let price = match side {
                BookSide::Bid => bid.price + step_in,
                BookSide::Ask => ask.price - step_in,
            };
            return self.change(index, side, price, size, step);
        }
        let rank = self.random.below(16) as usize;
        let Some(level) = self.traded[index].book.ranked(side, rank) else { return };
        match self.random.below(10) {
            0..=5 => self.change(index, side, level.price, size, step),
            6..=7 => {
                let away = self.random.one_to(spacing);
                let price = match side {
                    BookSide::Bid => (level.price - away).max(1),
                    BookSide::Ask => level.price + away,
                };
                self.change(index, side, price, size, step);
            }
            // The best level stays: only a taker may take the last price of a side.
            _ if rank > 0 => self.change(index, side, level.price, 0, step),
            _ => {}
        }
    }

    /// Keeps both sides near their usual number of levels.
    fn repair(&mut self, index: usize, step: &mut Step) {
        for side in [BookSide::Bid, BookSide::Ask] {
            let count = self.traded[index].book.count(side);
            if count < LEVELS {
                self.deepen(index, side, step);
            } else if count > LEVELS * 5 / 4
                && let Some(worst) = self.traded[index].book.worst(side)
            {
                self.change(index, side, worst.price, 0, step);
            }
        }
    }

    /// Adds some of the levels that were asked for beyond the worst ones.
    fn deepen_some(&mut self, index: usize, step: &mut Step) {
        let count = self.traded[index].deeper.min(DEEPER_PER_STEP);
        self.traded[index].deeper -= count;
        for _ in 0..count {
            self.deepen(index, BookSide::Bid, step);
            self.deepen(index, BookSide::Ask, step);
        }
    }

    /// Adds a level beyond the worst one; bids end at one tick.
    fn deepen(&mut self, index: usize, side: BookSide, step: &mut Step) {
        let spacing = self.traded[index].spacing;
        let Some(worst) = self.traded[index].book.worst(side) else { return };
        let away = self.random.one_to(spacing);
        let price = match side {
            BookSide::Bid => (worst.price - away).max(1),
            BookSide::Ask => worst.price + away,
        };
        let size = self.random.one_to(8 * self.traded[index].usual);
        self.change(index, side, price, size, step);
    }

    fn change(&mut self, index: usize, side: BookSide, price: i64, size: i64, step: &mut Step) {
        let traded = &mut self.traded[index];
        traded.update_id = match self.counting {
            Counting::PerInstrument => traded.update_id + 1,
            Counting::Shared => {
                self.shared_id += 1;
                self.shared_id
            }
        };
        if self.remembered > 0 {
            let before = traded.book.size_at(side, price);
            let print = traded.level_print(side, price, before);
            traded.print = traded.print.wrapping_sub(print);
            if traded.untold.remove(&(side, price)) {
                traded.untold_print = traded.untold_print.wrapping_sub(print);
            }
            traded.print = traded.print.wrapping_add(traded.level_print(side, price, size));
        }
        traded.book.set(side, price, size);
        step.changes.push(Change { side, price, update_id: traded.update_id });
    }
}

impl Traded {
    fn new(listed: Listed, random: &mut Random) -> Self {
        let first_id = 1_000_000_000 + random.below(5_000_000_000);
        let day = Day {
            open: listed.start,
            high: listed.start,
            low: listed.start,
            last: listed.start,
            first_id,
            ..Day::default()
        };
        Self {
            book: RestingBook::default(),
            update_id: 10_000_000_000 + random.below(80_000_000_000),
            day,
            candles: Candles::default(),
            order_id: 100_000_000 + random.below(3_000_000_000),
            deeper: 0,
            usual: listed.order_lots(),
            spacing: (listed.start / 20_000).max(2),
            past: Vec::new(),
            print: 0,
            untold: HashSet::new(),
            untold_print: 0,
            listed,
        }
    }

    /// Best level of both sides.
    pub(super) fn touch(&self) -> [Option<Resting>; 2] {
        [self.book.best(BookSide::Bid), self.book.best(BookSide::Ask)]
    }

    /// The same with zeros where nothing rests.
    pub(super) fn best(&self) -> [Resting; 2] {
        self.touch().map(|best| best.unwrap_or(Resting { price: 0, size: 0 }))
    }

    fn keep_state(&mut self, depth: usize) {
        let whole = [BookSide::Bid, BookSide::Ask].map(|side| self.book.count(side) <= depth);
        let print = if whole == [true, true] { self.print } else { self.print_to(depth) };
        let (update_id, untold) = (self.update_id, self.untold_print);
        self.past.push(PastBook { update_id, print, untold });
    }

    /// The fingerprint of `depth` levels of each side.
    fn print_to(&self, depth: usize) -> u64 {
        let levels = |side| self.book.levels(side).take(depth).map(move |level| (side, level));
        let all = levels(BookSide::Bid).chain(levels(BookSide::Ask));
        all.map(|(side, level)| self.level_print(side, level.price, level.size))
            .fold(0, u64::wrapping_add)
    }

    fn level_print(&self, side: BookSide, price: i64, size: i64) -> u64 {
        if size == 0 {
            return 0;
        }
        let unit = |digits: u8| 10_i128.pow(12 - u32::from(digits));
        let price = i128::from(price) * unit(self.listed.price_digits);
        level_print(side, price, i128::from(size) * unit(self.listed.size_digits))
    }

    const fn next_id(&self) -> u64 {
        self.day.first_id + self.day.count
    }
}

impl Day {
    /// The sums of these bars, the first of which began at their open; of none, `last` alone.
    pub(super) fn of(bars: &[Bar], last: i64) -> Self {
        let Some(first) = bars.first() else {
            return Self { open: last, high: last, low: last, last, ..Self::default() };
        };
        let traded = bars.iter().find(|bar| bar.count > 0);
        let sum = |of: fn(&Bar) -> u128| bars.iter().map(of).sum();
        Self {
            open: first.open,
            high: bars.iter().map(|bar| bar.high).max().unwrap_or(last),
            low: bars.iter().map(|bar| bar.low).min().unwrap_or(last),
            last,
            last_size: 0,
            volume: sum(|bar| bar.volume),
            turnover: sum(|bar| bar.turnover),
            first_id: traded.map_or(0, |bar| bar.first_id),
            count: bars.iter().map(|bar| bar.count).sum(),
        }
    }

    /// Price of one lot on average, in ticks; the last one while nothing was traded.
    pub(super) fn average(&self) -> i64 {
        let average = self.turnover.checked_div(self.volume).unwrap_or(self.last as u128);
        i64::try_from(average).unwrap_or(self.last)
    }

    fn add(&mut self, print: &Print) {
        self.high = self.high.max(print.price);
        self.low = self.low.min(print.price);
        self.last = print.price;
        self.last_size = print.size;
        self.volume += print.size as u128;
        self.turnover += print.size as u128 * print.price as u128;
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::listing::{Column, default_list};

    fn market(counting: Counting) -> Market {
        Market::new(default_list(Column::Spot, 50), counting, 11)
    }

    #[test]
    fn books_never_cross_and_never_run_empty() {
        let mut market = market(Counting::PerInstrument);
        let mut step = Step::default();
        for number in 0..200_000 {
            market.step(number, &mut step);
            let traded = &market.traded[step.instrument];
            let [bid, ask] = traded.touch().map(|best| best.expect("a side has a level"));
            assert!(0 < bid.price && bid.price < ask.price, "{}", traded.listed.native);
            assert!(bid.size > 0 && ask.size > 0);
        }
        for traded in &market.traded {
            assert!(traded.book.count(BookSide::Ask) >= LEVELS * 3 / 4);
            assert!(traded.book.count(BookSide::Ask) <= LEVELS * 3 / 2);
        }
    }

    #[test]
    fn every_print_is_at_the_best_price_of_before_and_takes_what_it_says() {
        let mut market = market(Counting::PerInstrument);
        let (mut step, mut splits) = (Step::default(), 0);
        for number in 0..20_000 {
            let before = market.clone_books();
            market.step(number, &mut step);
            let print = step.prints[0];
            let maker = print.taker.opposite();
            let best = before[step.instrument].best(maker).expect("a side has a level");
            let sum: i64 = step.prints.iter().map(|print| print.size).sum();
            assert!(step.prints.iter().all(|print| print.price == best.price && print.size > 0));
            assert!(sum <= best.size);
            splits += usize::from(step.prints.len() == 2);
            if number > 200 {
                break;
            }
        }
        assert!(splits > 0);
    }

    #[test]
    fn ids_are_contiguous_or_shared_as_asked() {
        for counting in [Counting::PerInstrument, Counting::Shared] {
            let mut market = market(counting);
            let mut step = Step::default();
            let mut trades: Vec<u64> = market.traded.iter().map(Traded::next_id).collect();
            let mut updates: Vec<u64> = market.traded.iter().map(|it| it.update_id).collect();
            let mut shared = market.shared_id;
            for number in 0..5_000 {
                market.step(number, &mut step);
                for print in &step.prints {
                    assert_eq!(print.id, trades[step.instrument]);
                    trades[step.instrument] += 1;
                }
                for change in &step.changes {
                    updates[step.instrument] += 1;
                    shared += 1;
                    match counting {
                        Counting::PerInstrument => {
                            assert_eq!(change.update_id, updates[step.instrument]);
                        }
                        Counting::Shared => assert_eq!(change.update_id, shared),
                    }
                }
            }
        }
    }

    #[test]
    fn past_states_are_remembered_by_the_levels_that_clients_see() {
        for depth in [10, usize::MAX] {
            let mut market = market(Counting::PerInstrument);
            market.remember(depth);
            let mut step = Step::default();
            (0..2_000).for_each(|number| market.step(number, &mut step));
            for (index, traded) in market.traded.iter().enumerate() {
                let last = market.past_books(index).last().expect("the first state at least");
                assert_eq!(last.update_id, traded.update_id);
                assert_eq!(last.print, traded.print_to(depth));
            }
            assert!(market.past_books(0).len() > 200);
        }
    }

    #[test]
    fn a_seed_repeats_its_market() {
        let (mut one, mut two) = (market(Counting::Shared), market(Counting::Shared));
        let (mut left, mut right) = (Step::default(), Step::default());
        for number in 0..2_000 {
            one.step(number, &mut left);
            two.step(number, &mut right);
            assert_eq!((&left.prints, &left.changes), (&right.prints, &right.changes));
        }
    }

    #[test]
    fn the_days_sums_are_those_of_its_prints() {
        let mut market = market(Counting::PerInstrument);
        let mut step = Step::default();
        let (mut volume, mut count) = (0, 0);
        for number in 0..5_000 {
            market.step(number, &mut step);
            if step.instrument == 0 {
                volume += step.prints.iter().map(|print| print.size as u128).sum::<u128>();
                count += step.prints.len() as u64;
                assert_eq!(market.traded[0].day.last, step.prints[0].price);
            }
        }
        assert_eq!((market.traded[0].day.volume, market.traded[0].day.count), (volume, count));
    }

    impl Market {
        fn clone_books(&self) -> Vec<RestingBook> {
            self.traded.iter().map(|traded| traded.book.clone()).collect()
        }
    }
}
