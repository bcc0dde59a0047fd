use arrayvec::ArrayString;

use super::super::pacing::Pacer;
use super::*;
use crate::exchange::binance::Binance;
use crate::exchange::{Batch, ConnectionPlan, Frame, Rejected};
use crate::instrument::{Channel, ExchangeId, InstrumentId, NativeMap};
use crate::json::PaddedFrame;

const NOW: MonoNanos = MonoNanos(1);

fn subscriptions(count: u32) -> Vec<Subscription> {
    (0..count)
        .map(|index| Subscription {
            instrument: InstrumentId(index),
            native: ArrayString::from(&format!("S{index}USDT")).expect("short"),
            channel: Channel::Trades,
            interval: None,
        })
        .collect()
}

fn rules(answers: Answers, in_flight_max: usize) -> ConnectionRules {
    ConnectionRules {
        subscriptions_per_request: 200,
        requests_in_flight_max: in_flight_max,
        answers,
        ..Binance::new(ExchangeId::Binance).connection_rules()
    }
}

fn per_request(subscriptions: &[Subscription]) -> Subscribing {
    Subscribing::new(&rules(Answers::PerRequest, 100), subscriptions, 0, (1, NOW))
}

fn per_subscription(subscriptions: &[Subscription]) -> Subscribing {
    Subscribing::new(&rules(Answers::PerSubscription, 100), subscriptions, 0, (1, NOW))
}

fn permanent(id: Option<u64>, stream: Option<NamedStream>) -> Said {
    Said { id, stream, kind: RefusalKind::Permanent }
}

fn stream(one: &Subscription) -> Option<NamedStream> {
    Some(NamedStream { interval: one.interval, ..NamedStream::of(one.instrument, one.channel) })
}

/// The number in the text of a request of Binance.
fn id_of(text: &str) -> Option<u64> {
    text.rsplit_once("\"id\":")?.1.trim_end_matches('}').parse().ok()
}

/// Everything that can be said now.
fn said<E: Exchange>(subscribing: &mut Subscribing, exchange: &E) -> Vec<String> {
    std::iter::from_fn(|| subscribing.next(exchange, NOW)).collect()
}

fn binance() -> Binance {
    Binance::new(ExchangeId::Binance)
}

#[test]
fn everything_is_asked_for_in_chunks_and_answered_by_number() {
    let mut subscribing = per_request(&subscriptions(450));
    assert_eq!(said(&mut subscribing, &binance()).len(), 3);
    assert!(subscribing.is_sent() && !subscribing.is_done());
    for id in [2, 1, 3, 3, 99] {
        subscribing.accept(Some(id), None);
    }
    assert!(subscribing.is_done());
    assert_eq!(subscribing.due(), MonoNanos::MAX);
}

#[test]
fn one_bad_symbol_is_found_and_given_up_alone() {
    let all = subscriptions(200);
    let mut subscribing = per_request(&all);
    let (mut requests, mut accepted, mut given_up) = (0, 0, Vec::new());
    while let Some(text) = subscribing.next(&binance(), NOW) {
        requests += 1;
        let id = id_of(&text);
        if text.contains("\"s137usdt@") {
            if let Conclusion::GivenUp(some) = subscribing.refuse(permanent(id, None), NOW) {
                given_up.extend(some);
            }
        } else {
            accepted += text.matches("@trade").count();
            subscribing.accept(id, None);
        }
    }
    assert!(subscribing.is_done());
    assert_eq!(given_up, [all[137]]);
    assert_eq!(accepted, 199);
    assert!(requests < 20, "{requests} requests for 200 names");
}

#[test]
fn a_refusal_of_the_whole_that_names_its_subject_costs_one_more_request() {
    let all = subscriptions(200);
    let mut subscribing = per_request(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    let refused = subscribing.refuse(permanent(id, stream(&all[137])), NOW);
    assert_eq!(refused, Conclusion::GivenUp(vec![all[137]]));
    let again = said(&mut subscribing, &binance());
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].matches("@trade").count(), 199);
    subscribing.accept(id_of(&again[0]), None);
    assert!(subscribing.is_done());
}

#[test]
fn a_request_without_an_answer_is_repeated_a_few_times() {
    let mut subscribing = per_request(&subscriptions(1));
    let mut now = NOW;
    let mut overdue = Vec::new();
    while !subscribing.is_done() {
        assert!(subscribing.next(&binance(), now).is_some());
        assert_eq!(subscribing.overdue(now, |_| false), None);
        now = subscribing.due();
        overdue.extend(subscribing.overdue(now, |_| false));
    }
    let all = subscriptions(1);
    assert_eq!(overdue[0], (1, Conclusion::Unanswered(all.clone())));
    assert_eq!(overdue[1], (2, Conclusion::Unanswered(all.clone())));
    let (id, refused) = overdue.remove(2);
    let late = postponed(refused);
    assert_eq!((id, late.streams, late.reason), (3, all, Reason::Unavailable));
    subscribing.resume(late.until);
    let again = subscribing.next(&binance(), late.until);
    assert!(again.is_some(), "and asked for again later, not never");
}

#[test]
fn what_speaks_needs_no_answer() {
    let all = subscriptions(2);
    let mut subscribing = per_request(&all);
    let mut now = NOW;
    let mut last = None;
    while !subscribing.is_done() {
        assert!(subscribing.next(&binance(), now).is_some());
        now = subscribing.due();
        last = subscribing.overdue(now, |one| *one == all[0]);
    }
    let (_, refused) = last.expect("it was overdue");
    assert_eq!(postponed(refused).streams, all[1..]);
    assert_eq!(subscribing.take_answered(), all[..1]);
}

#[test]
fn a_refusal_that_names_nothing_is_none_to_requests_whose_answers_have_numbers() {
    let all = subscriptions(201);
    for wanted in [&all[..1], &all] {
        let mut subscribing = per_request(wanted);
        let asked = said(&mut subscribing, &binance());
        for kind in [RefusalKind::Permanent, RefusalKind::Unknown, RefusalKind::AlreadySo] {
            assert_eq!(subscribing.refuse(said_of(None, None, kind), NOW), Conclusion::Unknown);
        }
        // Theirs come all the same, or without a number in their turn.
        asked.iter().for_each(|text| subscribing.accept(id_of(text).filter(|id| *id > 1), None));
        assert!(subscribing.is_done());
        assert_eq!(subscribing.take_accepted().len(), wanted.len());
    }
}

#[test]
fn a_request_that_may_have_been_refused_without_a_name_is_halved_when_no_answer_comes() {
    let all = subscriptions(4);
    let mut subscribing = per_request(&all);
    assert_eq!(said(&mut subscribing, &binance()).len(), 1);
    assert_eq!(subscribing.refuse(permanent(None, None), NOW), Conclusion::Unknown);
    let due = subscribing.due();
    assert_eq!(subscribing.overdue(due, |_| false), Some((1, Conclusion::Pending)));
    assert_eq!(said(&mut subscribing, &binance()).len(), 2);
}

#[test]
fn where_answers_have_no_number_only_what_is_named_is_given_up() {
    let all = subscriptions(2);
    for answers in [Answers::PerRequest, Answers::PerSubscription] {
        let rules = ConnectionRules { subscriptions_per_request: 1, ..rules(answers, 1) };
        let mut subscribing = Subscribing::new(&rules, &all, 0, (1, NOW));
        assert!(subscribing.next(&binance(), NOW).is_some());
        let other = Some(NamedStream::any_of(all[1].instrument));
        assert_eq!(subscribing.refuse(permanent(None, other), NOW), Conclusion::Unknown);
        let refused = postponed(subscribing.refuse(permanent(None, None), NOW));
        assert_eq!((&refused.streams[..], refused.reason), (&all[..1], Reason::ExchangeError));
        assert!(subscribing.next(&binance(), NOW).is_some());
        let refused = subscribing.refuse(permanent(None, other), NOW);
        assert_eq!(refused, Conclusion::GivenUp(all[1..].to_vec()));
        subscribing.resume(subscribing.due());
        assert!(subscribing.next(&binance(), NOW).is_some(), "it is asked for again");
    }
}

#[test]
fn where_answers_have_no_number_one_request_waits_at_a_time() {
    let all = subscriptions(450);
    let mut subscribing = Subscribing::new(&rules(Answers::PerRequest, 1), &all, 1, (1, NOW));
    assert_eq!(said(&mut subscribing, &binance()).len(), 0, "the greeting is not answered yet");
    for _ in 0..3 {
        subscribing.accept(None, None);
        assert_eq!(said(&mut subscribing, &binance()).len(), 1);
        assert!(!subscribing.may_send());
    }
    subscribing.accept(None, None);
    assert!(subscribing.is_done());
    // A greeting that is never answered holds nothing up for ever.
    let mut subscribing = Subscribing::new(&rules(Answers::PerRequest, 1), &all, 1, (1, NOW));
    let due = subscribing.due();
    assert_eq!(subscribing.overdue(due, |_| false), None);
    assert!(subscribing.next(&binance(), due).is_some());
}

#[test]
fn an_error_with_a_subject_costs_that_subscription_alone() {
    let all = subscriptions(5);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.accept(id, stream(&all[0]));
    assert_eq!(
        subscribing.refuse(permanent(id, stream(&all[3])), NOW),
        Conclusion::GivenUp(vec![all[3]])
    );
    // Without the number the stream is enough.
    for one in [1, 2, 4] {
        assert!(!subscribing.is_done());
        subscribing.accept(None, stream(&all[one]));
    }
    assert!(subscribing.is_done());
    assert_eq!(subscribing.refuse(permanent(id, stream(&all[3])), NOW), Conclusion::Unknown);
}

#[test]
fn an_error_without_a_subject_is_about_what_stays_unanswered() {
    let all = subscriptions(4);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.accept(id, stream(&all[2]));
    assert_eq!(subscribing.refuse(permanent(id, None), NOW), Conclusion::Pending);
    assert_eq!(subscribing.concluded(NOW), None);
    subscribing.accept(id, stream(&all[0]));
    assert_eq!(subscribing.concluded(NOW), None);
    subscribing.accept(id, stream(&all[3]));
    assert_eq!(subscribing.concluded(NOW), Some(Conclusion::GivenUp(vec![all[1]])));
    assert!(subscribing.is_done());
}

#[test]
fn as_many_errors_as_are_unanswered_need_no_other_answers() {
    let all = subscriptions(2);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    assert_eq!(subscribing.refuse(permanent(id, None), NOW), Conclusion::Pending);
    assert_eq!(subscribing.refuse(permanent(id, None), NOW), Conclusion::GivenUp(all));
    assert!(subscribing.is_done());
}

#[test]
fn a_request_that_is_malformed_as_a_whole_is_halved_when_nothing_else_is_answered() {
    let all = subscriptions(4);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    assert_eq!(subscribing.refuse(permanent(id, None), NOW), Conclusion::Pending);
    let due = subscribing.due();
    assert_eq!(subscribing.overdue(due, |_| false).map(|(id, _)| id), id);
    let halves = said(&mut subscribing, &binance());
    assert_eq!(halves.len(), 2);
}

#[test]
fn a_renewed_stream_is_left_first_and_only_once_at_a_time() {
    let all = subscriptions(3);
    let mut subscribing = per_request(&all);
    subscribing.renew(&all[..1]);
    assert_eq!(said(&mut subscribing, &binance()).len(), 1, "it is being asked for anyway");
    subscribing.accept(Some(1), None);
    subscribing.renew(&all[1..2]);
    subscribing.renew(&all[1..2]);
    let texts = said(&mut subscribing, &binance());
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("UNSUBSCRIBE") && texts[0].contains("s1usdt"));
    assert!(texts[1].contains("\"SUBSCRIBE") && texts[1].contains("s1usdt"));
    // That it could not be left is no reason to give it up, and nothing is left twice.
    assert_eq!(subscribing.refuse(permanent(id_of(&texts[0]), None), NOW), Conclusion::Pending);
    subscribing.accept(id_of(&texts[1]), None);
    assert!(subscribing.is_done());
}

#[test]
fn acceptances_without_a_subject_are_counted() {
    let all = subscriptions(2);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.accept(id, None);
    assert!(!subscribing.is_done());
    subscribing.accept(id, None);
    assert!(subscribing.is_done());
    assert_eq!(subscribing.take_answered(), all);
    // That a stream was left may be said without any sign of which.
    subscribing.renew(&all[..1]);
    assert_eq!(said(&mut subscribing, &binance()).len(), 2);
    subscribing.accept(None, None);
    subscribing.accept(None, stream(&all[0]));
    assert!(subscribing.is_done());
}

/// An exchange that words one message for each subscription.
struct OneByOne;

impl Exchange for OneByOne {
    fn id(&self) -> ExchangeId {
        ExchangeId::Binance
    }

    fn plan(&self, _: &[Subscription]) -> Vec<ConnectionPlan> {
        Vec::new()
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        let requests = subscriptions.iter().map(|one| {
            *next_id += 1;
            Request { id: *next_id - 1, text: one.native.to_string(), covers: vec![*one] }
        });
        requests.collect()
    }

    fn unsubscribe(&self, _: &[Subscription], _: &mut u64) -> Vec<Request> {
        Vec::new()
    }

    fn set_instruments(&mut self, _: NativeMap) {}

    fn parse(&mut self, _: PaddedFrame<'_>, _: &mut Batch) -> Result<Frame, Rejected> {
        Err(Rejected::Foreign)
    }

    fn symbols_in(&self, _: &[u8], _: &mut dyn FnMut(&str)) {}
}

#[test]
fn messages_of_one_chunk_go_one_at_a_time_and_are_answered_one_by_one() {
    let all = subscriptions(3);
    let mut subscribing = Subscribing::new(&rules(Answers::PerRequest, 2), &all, 0, (1, NOW));
    assert_eq!(said(&mut subscribing, &OneByOne), ["S0USDT", "S1USDT"]);
    assert!(!subscribing.is_sent() && !subscribing.may_send());
    subscribing.accept(Some(2), None);
    assert_eq!(said(&mut subscribing, &OneByOne), ["S2USDT"]);
    assert_eq!(
        subscribing.refuse(permanent(Some(3), None), NOW),
        Conclusion::GivenUp(vec![all[2]])
    );
    subscribing.accept(Some(1), None);
    assert!(subscribing.is_done());
    // It has no words to leave a stream: that is left out.
    subscribing.renew(&all[..1]);
    assert_eq!(said(&mut subscribing, &OneByOne), ["S0USDT"]);
}
const WAIT: Duration = Duration::from_secs(2);

fn said_of(id: Option<u64>, one: Option<&Subscription>, kind: RefusalKind) -> Said {
    Said { id, stream: one.and_then(stream), kind }
}

fn too_much() -> RefusalKind {
    RefusalKind::Temporary { reason: Reason::RateLimited, wait: WAIT }
}

fn unavailable() -> RefusalKind {
    RefusalKind::Temporary { reason: Reason::Unavailable, wait: WAIT }
}

/// The streams that a text of Binance asks for.
fn count(text: &str) -> usize {
    text.matches("@trade").count()
}

fn postponed(refused: Conclusion) -> Postponed {
    match refused {
        Conclusion::Postponed(postponed) => postponed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_that_is_too_much_is_made_again_whole_when_its_wait_is_over() {
    for mut subscribing in [per_request(&subscriptions(3)), per_subscription(&subscriptions(3))] {
        let all = subscriptions(3);
        let id = id_of(&said(&mut subscribing, &binance())[0]);
        let refused = postponed(subscribing.refuse(said_of(id, None, too_much()), NOW));
        assert_eq!((refused.streams, refused.reason), (all.clone(), Reason::RateLimited));
        assert!(refused.until >= NOW.after(WAIT));
        // Nothing else is asked either, and nobody turns round and round until then.
        subscribing.add(&subscriptions(5)[3..]);
        let early = MonoNanos(refused.until.0 - 1);
        subscribing.resume(early);
        assert_eq!(subscribing.next(&binance(), early), None);
        assert!(subscribing.held_until() > early && subscribing.due() > early);
        let due = subscribing.due();
        subscribing.resume(due);
        let mut texts = Vec::new();
        // One at a time, until one was accepted.
        while let Some(text) = subscribing.next(&binance(), due) {
            assert_eq!(subscribing.next(&binance(), due), None);
            let id = id_of(&text);
            if texts.is_empty() && subscribing.manners.answers == Answers::PerRequest {
                subscribing.accept(id, None);
            } else {
                for _ in 0..count(&text) {
                    subscribing.accept(id, None);
                }
            }
            texts.push(text);
        }
        assert_eq!(texts.iter().map(|text| count(text)).collect::<Vec<_>>(), [2, 3]);
        let mut accepted = subscribing.take_accepted();
        accepted.sort_by_key(|one| one.instrument);
        assert_eq!(accepted, subscriptions(5));
        assert!(subscribing.is_done() && subscribing.postponed().count() == 0);
    }
}

#[test]
fn where_each_stream_is_answered_for_itself_the_named_one_waits_alone() {
    let all = subscriptions(3);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.accept(id, stream(&all[0]));
    let refused = subscribing.refuse(said_of(id, Some(&all[2]), unavailable()), NOW);
    assert_eq!(postponed(refused).streams, [all[2]]);
    assert_eq!(subscribing.held_until(), MonoNanos::ZERO, "the others need not wait for it");
    subscribing.accept(id, stream(&all[1]));
    assert!(subscribing.is_done());
    let mut before = Duration::ZERO;
    let mut now = NOW;
    for _ in 0..10 {
        let due = subscribing.due();
        let wait = Duration::from_nanos(due.since(now));
        assert!(wait > before || wait >= crate::limits::REFUSED_WAIT_MAX, "{before:?} {wait:?}");
        (before, now) = (wait, due);
        subscribing.resume(now);
        let text = subscribing.next(&binance(), now).expect("it is asked for again");
        let refused = subscribing.refuse(said_of(id_of(&text), Some(&all[2]), unavailable()), now);
        assert_eq!(postponed(refused).streams, [all[2]]);
    }
    // Late as it may be, an acceptance counts.
    subscribing.accept(None, stream(&all[2]));
    assert_eq!((subscribing.postponed().count(), subscribing.due()), (0, MonoNanos::MAX));
}

#[test]
fn a_stream_that_is_there_already_counts_as_accepted_and_the_rest_is_asked_for_again() {
    let all = subscriptions(4);
    let mut subscribing = per_request(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    let already = |id, one| said_of(id, one, RefusalKind::AlreadySo);
    assert_eq!(subscribing.refuse(already(id, Some(&all[2])), NOW), Conclusion::Pending);
    let texts = said(&mut subscribing, &binance());
    assert_eq!(texts.iter().map(|text| count(text)).collect::<Vec<_>>(), [3]);
    // Without a name it is looked for, and found to be there.
    let mut asked = vec![texts[0].clone()];
    while let Some(text) = asked.pop() {
        let id = id_of(&text);
        if text.contains("s1usdt") {
            assert_eq!(subscribing.refuse(already(id, None), NOW), Conclusion::Pending);
            asked.extend(said(&mut subscribing, &binance()));
        } else {
            subscribing.accept(id, None);
        }
    }
    assert!(subscribing.is_done() && subscribing.postponed().count() == 0);
    let mut accepted = subscribing.take_accepted();
    accepted.sort_by_key(|one| one.instrument);
    assert_eq!(accepted, all);
    // What was left before needs no leaving.
    subscribing.leave(&all[..1]);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    assert_eq!(subscribing.refuse(already(id, None), NOW), Conclusion::Pending);
    assert!(subscribing.is_done() && subscribing.take_accepted().is_empty());
}

#[test]
fn a_refusal_that_nobody_knows_is_traced_to_its_stream_which_is_asked_for_again() {
    let all = subscriptions(64);
    let mut subscribing = per_request(&all);
    let (mut late, mut requests) = (Vec::new(), 0);
    while let Some(text) = subscribing.next(&binance(), NOW) {
        requests += 1;
        let id = id_of(&text);
        if !text.contains("\"s37usdt@") {
            subscribing.accept(id, None);
        } else if let Conclusion::Postponed(some) =
            subscribing.refuse(said_of(id, None, RefusalKind::Unknown), NOW)
        {
            late.push(some);
        }
    }
    assert_eq!((late.len(), &late[0].streams[..]), (1, &all[37..38]));
    assert_eq!(late[0].reason, Reason::ExchangeError);
    assert_eq!(subscribing.take_accepted().len(), 63);
    assert!(requests < 16, "{requests}");
    subscribing.resume(late[0].until);
    assert_eq!(subscribing.next(&binance(), late[0].until).map(|text| count(&text)), Some(1));
}

#[test]
fn who_is_told_that_it_is_too_much_and_not_what_takes_the_unanswered_for_it() {
    let all = subscriptions(401);
    let mut subscribing = per_request(&all);
    assert_eq!(said(&mut subscribing, &binance()).len(), 3);
    let bare = said_of(None, None, too_much());
    assert_eq!(subscribing.refuse(bare, NOW), Conclusion::Unknown);
    subscribing.accept(Some(2), None);
    let due = subscribing.due();
    let mut late = Vec::new();
    while let Some((id, refused)) = subscribing.overdue(due, |_| false) {
        late.push((id, postponed(refused).streams.len()));
    }
    assert_eq!(late, [(1, 200), (3, 1)]);
    let again = subscribing.due();
    subscribing.resume(again);
    let mut sizes = Vec::new();
    while let Some(text) = subscribing.next(&binance(), again) {
        sizes.push(count(&text));
        subscribing.accept(id_of(&text), None);
    }
    assert_eq!(sizes, [200, 1]);
    assert_eq!(subscribing.take_accepted().len(), 401);
}

#[test]
fn a_stream_that_cannot_be_left_for_now_is_left_and_asked_for_again_as_one() {
    let all = subscriptions(2);
    let mut subscribing = per_request(&all);
    said(&mut subscribing, &binance());
    subscribing.accept(Some(1), None);
    subscribing.renew(&all[..1]);
    let first = subscribing.next(&binance(), NOW).expect("it is left first");
    assert!(first.contains("UNSUBSCRIBE"));
    let refused = subscribing.refuse(said_of(id_of(&first), None, too_much()), NOW);
    assert_eq!(refused, Conclusion::Pending, "it goes on meanwhile");
    subscribing.renew(&all[..1]);
    // Nobody wants the other one any more.
    subscribing.leave(&all[1..]);
    let due = subscribing.due();
    subscribing.resume(due);
    let mut texts = Vec::new();
    while let Some(text) = subscribing.next(&binance(), due) {
        subscribing.accept(id_of(&text), None);
        let kind = if text.contains("UNSUBSCRIBE") { "leave" } else { "ask" };
        texts.push((kind, if text.contains("s0usdt") { 0 } else { 1 }));
    }
    assert_eq!(texts, [("leave", 1), ("leave", 0), ("ask", 0)]);
    // What is left and wanted again before that was said begins anew.
    subscribing.leave(&all[..1]);
    let leave = subscribing.next(&binance(), due).expect("it is left");
    subscribing.refuse(said_of(id_of(&leave), None, too_much()), due);
    subscribing.add(&all[..1]);
    let due = subscribing.held_until();
    let again: Vec<_> = std::iter::from_fn(|| {
        let text = subscribing.next(&binance(), due)?;
        subscribing.accept(id_of(&text), None);
        Some(text.contains("UNSUBSCRIBE"))
    })
    .collect();
    assert_eq!(again, [true, false]);
}

/// Numbers that a seed repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// An exchange that refuses for now as chance has it, and then at last serves everything.
struct Moody {
    random: Random,
    answers: Answers,
    refusals_left: u64,
    /// What was refused since it last granted something: from when until when nothing is said.
    holds: Vec<(MonoNanos, MonoNanos)>,
}

impl Moody {
    fn answer(
        &mut self,
        subscribing: &mut Subscribing,
        (text, all): (&str, &[Subscription]),
        now: MonoNanos,
    ) {
        let Self { random, answers, refusals_left, holds } = self;
        let id = id_of(text);
        let asked: Vec<_> = all.iter().filter(|one| names(text, one)).copied().collect();
        let refuse = *refusals_left > 0 && random.below(4) > 0;
        *refusals_left -= u64::from(refuse);
        let kind = [too_much(), too_much(), unavailable()][random.below(3) as usize];
        let held = subscribing.held_until();
        if !refuse {
            accept(subscribing, *answers, id, &asked);
            holds.clear();
        } else if *answers == Answers::PerSubscription && random.below(2) == 0 {
            for one in &asked {
                let refused = subscribing.refuse(said_of(id, Some(one), kind), now);
                assert!(matches!(refused, Conclusion::Postponed(_)), "{refused:?}");
            }
        } else {
            // Some say to which request it belongs, and some do not even answer.
            let id = id.filter(|_| random.below(3) > 0);
            let refused = subscribing.refuse(said_of(id, None, kind), now);
            assert!(!matches!(refused, Conclusion::GivenUp(_)), "{refused:?}");
        }
        if subscribing.held_until() > held {
            holds.push((now, subscribing.held_until()));
        }
    }

    /// What is refused and refused is asked for ever more rarely, and never given up.
    fn assert_patience(&self) {
        let wait = |(from, until): &(MonoNanos, MonoNanos)| until.since(*from);
        let grows = |two: &[_]| wait(&two[1]) > wait(&two[0]) || wait(&two[1]) >= 300_000_000_000;
        assert!(self.holds.windows(2).all(grows));
        assert!(self.holds.iter().all(|hold| wait(hold) <= 340_000_000_000));
    }
}

/// Nothing is given up, everything is there in the end, no window holds more messages than are
/// allowed, nothing is said during a hold, and what is refused and refused is asked for ever more
/// rarely.
#[test]
fn under_any_refusals_for_now_everything_is_there_in_the_end() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let answers = [Answers::PerRequest, Answers::PerSubscription][(seed % 2) as usize];
        let in_flight = [1, 4, usize::MAX][random.below(3) as usize];
        let rules = ConnectionRules {
            subscriptions_per_request: 1 + random.below(20) as usize,
            ..rules(answers, in_flight)
        };
        let all = subscriptions(1 + random.below(60) as u32);
        let mut subscribing = Subscribing::new(&rules, &all, 0, (seed as u32, NOW));
        let pacer = Pacer::new(rules.messages_max, rules.message_window);
        let refusals_left = random.below(200);
        let mut moody = Moody { random, answers, refusals_left, holds: Vec::new() };
        let (mut now, mut sent, mut there) = (NOW, Vec::new(), Vec::new());
        loop {
            subscribing.resume(now);
            while let Some((_, refused)) = subscribing.overdue(now, |_| false) {
                assert!(!matches!(refused, Conclusion::GivenUp(_) | Conclusion::Unknown));
            }
            while pacer.ready_at(0) <= now
                && let Some(text) = subscribing.next(&binance(), now)
            {
                pacer.note(now);
                sent.push(now);
                assert!(now >= subscribing.held_until(), "seed {seed}: nothing during a hold");
                moody.answer(&mut subscribing, (&text, &all), now);
            }
            there.extend(subscribing.take_accepted());
            let due = subscribing.due().min(if subscribing.may_send() {
                pacer.ready_at(0).max(subscribing.held_until())
            } else {
                MonoNanos::MAX
            });
            if there.len() == all.len() {
                break;
            }
            assert!(due > now, "seed {seed}: turns round and round");
            now = due;
            assert!(
                now.since(NOW) < 48 * 3_600 * 1_000_000_000,
                "seed {seed}: {} of {}, {}; {subscribing:?}",
                there.len(),
                all.len(),
                moody.refusals_left
            );
            moody.assert_patience();
        }
        there.sort_by_key(|one| one.instrument);
        there.dedup();
        assert_eq!(there, all, "seed {seed}");
        let burst = rules.messages_max as usize + 1;
        let window = rules.message_window.as_nanos() as u64;
        assert!(sent.windows(burst).all(|some| some[burst - 1].since(some[0]) >= window));
    }
}

/// Whether a request of Binance names a stream.
fn names(text: &str, one: &Subscription) -> bool {
    text.contains(&format!("\"{}@trade\"", one.native.to_lowercase()))
}

fn accept(
    subscribing: &mut Subscribing,
    answers: Answers,
    id: Option<u64>,
    asked: &[Subscription],
) {
    match answers {
        Answers::PerRequest => subscribing.accept(id, None),
        Answers::PerSubscription => {
            asked.iter().for_each(|one| subscribing.accept(id, stream(one)));
        }
    }
}

#[test]
fn a_refusal_of_what_was_left_meanwhile_sinks_no_other() {
    let all = subscriptions(2);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.leave(&all[..1]);
    // Nobody knows any more whose name it is.
    assert_eq!(subscribing.refuse(permanent(id, None), NOW), Conclusion::Pending);
    subscribing.accept(id, stream(&all[1]));
    assert_eq!(subscribing.concluded(NOW), Some(Conclusion::Moot), "nobody wants it");
    assert_eq!(subscribing.take_answered(), [all[1]]);

    let mut subscribing = per_request(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.leave(&all[..1]);
    assert_eq!(subscribing.refuse(permanent(id, None), NOW), Conclusion::Pending);
    let asked = said(&mut subscribing, &binance());
    let again: Vec<_> = asked.iter().filter(|text| text.contains("\"SUBSCRIBE\"")).collect();
    assert_eq!((again.len(), asked.len()), (1, 2), "{asked:?}");
    assert!(again[0].contains("s1usdt@") && !again[0].contains("s0usdt@"), "{again:?}");
}

#[test]
fn what_was_never_granted_is_not_left() {
    let all = subscriptions(3);
    let mut subscribing = per_subscription(&all[..2]);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.accept(id, stream(&all[0]));
    assert_eq!(
        subscribing.refuse(permanent(id, stream(&all[1])), NOW),
        Conclusion::GivenUp(vec![all[1]])
    );
    subscribing.add(&all[2..]);
    subscribing.leave(&all[1..]);
    assert!(said(&mut subscribing, &binance()).is_empty(), "one was refused, one never asked for");
    subscribing.leave(&all[..1]);
    let asked = said(&mut subscribing, &binance());
    assert!(asked.len() == 1 && asked[0].contains("UNSUBSCRIBE"), "{asked:?}");
    // That it was not there anyway is nobody's business.
    assert_eq!(subscribing.refuse(permanent(id_of(&asked[0]), None), NOW), Conclusion::Moot);
}
