//! What a feed carries can change while it runs: streams are asked for and left on the connections
//! that are there, new connections are opened where those have no room, empty ones are closed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::connection::flow::Flow;
use super::connection::upstream::Upstream;
use super::line::{Line, Lines};
use crate::clock::MonoNanos;
use crate::exchange::{ConnectionPlan, Exchange, Subscription};
use crate::instrument::{Channel, ExchangeId, Instrument, InstrumentId, InstrumentTable};
use crate::tick::{Interval, Reason};

/// The connections for what is wanted: those that are present, in their order, each with what it
/// keeps and what there is room for, then new ones. What is spelled otherwise than before stays
/// where it was. One that carries nothing is to be closed, and the place of one that was closed
/// before is used again.
pub(super) fn divide<E: Exchange>(
    exchange: &E,
    present: &[Arc<ConnectionPlan>],
    wanted: &[Subscription],
) -> Vec<ConnectionPlan> {
    let ideal = exchange.plan(wanted);
    let needed: HashSet<Subscription> =
        ideal.iter().flat_map(|plan| plan.subscriptions.iter().copied()).collect();
    let spelled: HashMap<_, Subscription> = needed.iter().map(|one| (one.stream(), *one)).collect();
    let mut plans: Vec<ConnectionPlan> = present
        .iter()
        .map(|plan| {
            let now = |one: &Subscription| spelled.get(&one.stream()).copied();
            ConnectionPlan {
                subscriptions: plan.subscriptions.iter().filter_map(now).collect(),
                ..ConnectionPlan::clone(plan)
            }
        })
        .collect();
    let kept: HashSet<Subscription> =
        plans.iter().flat_map(|plan| plan.subscriptions.iter().copied()).collect();
    for mut connection in ideal {
        let mut missing = std::mem::take(&mut connection.subscriptions);
        missing.retain(|one| !kept.contains(one));
        for plan in plans.iter_mut().filter(|plan| is_alike(plan, &connection)) {
            let room = room_for(exchange, plan, &missing);
            plan.subscriptions.extend(missing.drain(..room));
        }
        if missing.is_empty() {
            continue;
        }
        connection.subscriptions = missing;
        let closed = plans.iter().zip(present).position(|(plan, before)| {
            plan.subscriptions.is_empty() && before.subscriptions.is_empty()
        });
        match closed {
            Some(closed) => plans[closed] = connection,
            None => plans.push(connection),
        }
    }
    plans
}

/// Whether two connections differ in nothing but what they carry.
fn is_alike(one: &ConnectionPlan, other: &ConnectionPlan) -> bool {
    !one.subscriptions.is_empty() && one.path == other.path && one.greeting == other.greeting
}

/// How many more streams a connection takes: as many as its exchange would plan on one.
fn room_for<E: Exchange>(exchange: &E, plan: &ConnectionPlan, more: &[Subscription]) -> usize {
    let fits = |count: usize| {
        let mut all = plan.subscriptions.clone();
        all.extend(&more[..count]);
        let planned = exchange.plan(&all);
        planned.len() == 1 && planned[0].subscriptions.len() == all.len()
    };
    let (mut room, mut too_many) = (0, more.len() + 1);
    while room + 1 < too_many {
        let middle = usize::midpoint(room, too_many);
        if fits(middle) {
            room = middle;
        } else {
            too_many = middle;
        }
    }
    room
}

/// What is carried of an instrument: a channel; of candles that the exchange makes, an interval.
pub type StreamKind = (Channel, Option<Interval>);

/// The streams that these channels (of candles: intervals) have of all that a table carries of an
/// exchange.
pub fn subscriptions(
    table: &InstrumentTable,
    exchange: ExchangeId,
    streams: &[StreamKind],
) -> Vec<Subscription> {
    let own = table.carried().filter(|(_, one)| one.exchange == exchange);
    let of_one = |(instrument, one): (InstrumentId, &Instrument)| {
        let native = one.native;
        let each = streams.iter();
        each.map(move |&(channel, interval)| Subscription { instrument, native, channel, interval })
    };
    own.flat_map(of_one).collect()
}

impl Lines {
    /// Carries these streams from now on, for that reason. Returns those that found no place, as no more
    /// connections can be numbered.
    pub(super) fn carry<E: Exchange>(
        &mut self,
        exchange: &E,
        wanted: &[Subscription],
        reason: Reason,
        now: MonoNanos,
    ) -> Vec<Subscription> {
        self.want_attention();
        let present: Vec<Arc<ConnectionPlan>> = self.groups();
        let plans = divide(exchange, &present, wanted);
        let mut homeless = Vec::new();
        for (group, plan) in plans.into_iter().map(Arc::new).enumerate() {
            match present.get(group) {
                Some(before) if *before == plan => {}
                Some(before) => self.change_group(group, before, &plan, (reason, now)),
                None => {
                    if !self.open_group(group, &plan) {
                        homeless.extend_from_slice(&plan.subscriptions);
                    }
                }
            }
        }
        self.count_connections();
        homeless
    }
}

impl Line {
    /// What its connections carry from now on, beside what they keep.
    pub(super) fn change(
        &mut self,
        plan: &Arc<ConnectionPlan>,
        (left, added): (&[Subscription], &[Subscription]),
        now: MonoNanos,
    ) {
        for upstream in std::iter::once(&mut self.main).chain(&mut self.replacement) {
            upstream.change(plan, left, added, now);
        }
    }
}

impl Upstream {
    /// Carries another plan of the same path: leaves some streams, asks for others.
    fn change(
        &mut self,
        plan: &Arc<ConnectionPlan>,
        left: &[Subscription],
        added: &[Subscription],
        now: MonoNanos,
    ) {
        self.set_plan(Arc::clone(plan));
        let Some(open) = self.open() else { return };
        open.leave(left);
        open.add(added, now);
        // Where best prices come with the statistics, leaving one of them ends both.
        let is_kin = |one: &Subscription, other: &Subscription| {
            let kin = [Channel::Quotes, Channel::Ticker];
            one.instrument == other.instrument
                && kin.contains(&one.channel)
                && kin.contains(&other.channel)
        };
        let kept = plan.subscriptions.iter().filter(|one| !added.contains(one));
        let orphans: Vec<Subscription> =
            kept.filter(|one| left.iter().any(|other| is_kin(one, other))).copied().collect();
        open.subscribing.renew(&orphans);
        open.rhythms.change(left, added, now);
        open.flow = Flow::new(now);
    }
}

#[cfg(test)]
mod tests {
    use arrayvec::ArrayString;

    use super::*;
    use crate::exchange::adapter;

    fn streams(ids: std::ops::Range<u32>, channel: Channel) -> Vec<Subscription> {
        ids.map(|id| Subscription {
            instrument: InstrumentId(id),
            native: ArrayString::from(&format!("S{id}USDT")).expect("short"),
            channel,
            interval: None,
        })
        .collect()
    }

    fn carried(plans: &[ConnectionPlan]) -> Vec<usize> {
        plans.iter().map(|plan| plan.subscriptions.len()).collect()
    }

    fn arcs(plans: Vec<ConnectionPlan>) -> Vec<Arc<ConnectionPlan>> {
        plans.into_iter().map(Arc::new).collect()
    }

    #[test]
    fn what_is_kept_stays_where_it_is_and_room_is_used_before_a_new_connection() {
        let binance = adapter(ExchangeId::Binance);
        let first = divide(&binance, &[], &streams(0..2_000, Channel::Trades));
        assert_eq!(carried(&first), [1_024, 976]);
        let present = arcs(first);
        let second = divide(&binance, &present, &streams(10..2_300, Channel::Trades));
        assert_eq!(carried(&second), [1_024, 1_024, 242]);
        assert_eq!(second[0].subscriptions[..1_014], present[0].subscriptions[10..]);
        let present = arcs(second);
        let third = divide(&binance, &present, &streams(2_200..2_300, Channel::Trades));
        assert_eq!(carried(&third), [0, 0, 100]);
        let closed = divide(&binance, &arcs(third), &streams(2_200..3_300, Channel::Trades));
        assert_eq!(carried(&closed), [76, 0, 1_024], "a closed one's place is used again");
    }

    #[test]
    fn what_is_spelled_otherwise_stays_on_its_connection() {
        let kraken = adapter(ExchangeId::Kraken);
        let before = streams(0..3, Channel::Trades);
        let mut after = before.clone();
        after[1].native = ArrayString::from("S1x/USD").expect("short");
        let present = arcs(divide(&kraken, &[], &before));
        let plans = divide(&kraken, &present, &after);
        assert_eq!((plans.len(), &plans[0].subscriptions), (1, &after));
        let alone = arcs(divide(&kraken, &[], &before[1..2]));
        let plans = divide(&kraken, &alone, &after[1..2]);
        assert_eq!((plans.len(), &plans[0].subscriptions[..]), (1, &after[1..2]));
    }

    #[test]
    fn streams_go_only_where_their_path_leads() {
        let futures = adapter(ExchangeId::BinanceFutures);
        let first = divide(&futures, &[], &streams(0..3, Channel::Trades));
        assert_eq!(carried(&first), [3]);
        let mut wanted = streams(0..3, Channel::Trades);
        wanted.extend(streams(0..3, Channel::Orderbook));
        let second = divide(&futures, &arcs(first), &wanted);
        assert_eq!(carried(&second), [3, 3]);
        assert_ne!(second[0].path, second[1].path);
    }

    #[test]
    fn every_exchange_carries_all_that_is_wanted_after_any_change() {
        for exchange in ExchangeId::ALL {
            let adapter = adapter(exchange);
            let mut present = Vec::new();
            for (first, last) in [(0, 4), (2, 90), (2, 3), (0, 200), (50, 60)] {
                let mut wanted = streams(first..last, Channel::Trades);
                wanted.extend(streams(first..last, Channel::Orderbook));
                let needed: HashSet<_> =
                    adapter.plan(&wanted).into_iter().flat_map(|plan| plan.subscriptions).collect();
                let plans = divide(&adapter, &present, &wanted);
                let all: Vec<_> = plans.iter().flat_map(|plan| &plan.subscriptions).collect();
                assert_eq!(all.len(), needed.len(), "{exchange}: each once");
                assert!(all.iter().all(|one| needed.contains(one)), "{exchange}");
                for plan in plans.iter().filter(|plan| !plan.subscriptions.is_empty()) {
                    assert_eq!(adapter.plan(&plan.subscriptions).len(), 1, "{exchange}");
                }
                present = arcs(plans);
            }
        }
    }
}
