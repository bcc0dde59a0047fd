use arrayvec::ArrayString;

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
    Subscribing::new(&rules(Answers::PerRequest, 100), subscriptions, 0, NOW)
}

fn per_subscription(subscriptions: &[Subscription]) -> Subscribing {
    Subscribing::new(&rules(Answers::PerSubscription, 100), subscriptions, 0, NOW)
}

fn subject(one: &Subscription) -> Option<Subject> {
    Some(Subject { instrument: one.instrument, channel: one.channel })
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
            if let Refused::GivenUp(some) = subscribing.refuse(id, None) {
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
    let refused = subscribing.refuse(id, subject(&all[137]));
    assert_eq!(refused, Refused::GivenUp(vec![all[137]]));
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
        assert_eq!(subscribing.overdue(now), None);
        now = subscribing.due();
        overdue.extend(subscribing.overdue(now));
    }
    assert_eq!(overdue, [1, 2, 3]);
}

#[test]
fn answers_without_a_number_go_to_whoever_waits() {
    let mut subscribing = per_request(&subscriptions(201));
    assert_eq!(subscribing.refuse(None, None), Refused::Unknown);
    assert_eq!(said(&mut subscribing, &binance()).len(), 2);
    assert_eq!(subscribing.refuse(None, None), Refused::Unknown);
    subscribing.accept(None, None);
    assert!(matches!(subscribing.refuse(None, None), Refused::GivenUp(_)));
    assert!(subscribing.is_done());
}

#[test]
fn where_answers_have_no_number_one_request_waits_at_a_time() {
    let all = subscriptions(450);
    let mut subscribing = Subscribing::new(&rules(Answers::PerRequest, 1), &all, 1, NOW);
    assert_eq!(said(&mut subscribing, &binance()).len(), 0, "the greeting is not answered yet");
    for _ in 0..3 {
        subscribing.accept(None, None);
        assert_eq!(said(&mut subscribing, &binance()).len(), 1);
        assert!(!subscribing.may_send());
    }
    subscribing.accept(None, None);
    assert!(subscribing.is_done());
    // A greeting that is never answered holds nothing up for ever.
    let mut subscribing = Subscribing::new(&rules(Answers::PerRequest, 1), &all, 1, NOW);
    let due = subscribing.due();
    assert_eq!(subscribing.overdue(due), None);
    assert!(subscribing.next(&binance(), due).is_some());
}

#[test]
fn an_error_with_a_subject_costs_that_subscription_alone() {
    let all = subscriptions(5);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.accept(id, subject(&all[0]));
    assert_eq!(subscribing.refuse(id, subject(&all[3])), Refused::GivenUp(vec![all[3]]));
    // Without the number the subject is enough.
    for one in [1, 2, 4] {
        assert!(!subscribing.is_done());
        subscribing.accept(None, subject(&all[one]));
    }
    assert!(subscribing.is_done());
    assert_eq!(subscribing.refuse(id, subject(&all[3])), Refused::Unknown);
}

#[test]
fn an_error_without_a_subject_is_about_what_stays_unanswered() {
    let all = subscriptions(4);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.accept(id, subject(&all[2]));
    assert_eq!(subscribing.refuse(id, None), Refused::Pending);
    assert_eq!(subscribing.concluded(), None);
    subscribing.accept(id, subject(&all[0]));
    assert_eq!(subscribing.concluded(), None);
    subscribing.accept(id, subject(&all[3]));
    assert_eq!(subscribing.concluded(), Some(vec![all[1]]));
    assert!(subscribing.is_done());
}

#[test]
fn as_many_errors_as_are_unanswered_need_no_other_answers() {
    let all = subscriptions(2);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    assert_eq!(subscribing.refuse(id, None), Refused::Pending);
    assert_eq!(subscribing.refuse(id, None), Refused::GivenUp(all));
    assert!(subscribing.is_done());
}

#[test]
fn a_request_that_is_malformed_as_a_whole_is_halved_when_nothing_else_is_answered() {
    let all = subscriptions(4);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    assert_eq!(subscribing.refuse(id, None), Refused::Pending);
    let due = subscribing.due();
    assert_eq!(subscribing.overdue(due), id);
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
    assert_eq!(subscribing.refuse(id_of(&texts[0]), None), Refused::Pending);
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
    subscribing.accept(None, subject(&all[0]));
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
    let mut subscribing = Subscribing::new(&rules(Answers::PerRequest, 2), &all, 0, NOW);
    assert_eq!(said(&mut subscribing, &OneByOne), ["S0USDT", "S1USDT"]);
    assert!(!subscribing.is_sent() && !subscribing.may_send());
    subscribing.accept(Some(2), None);
    assert_eq!(said(&mut subscribing, &OneByOne), ["S2USDT"]);
    assert_eq!(subscribing.refuse(Some(3), None), Refused::GivenUp(vec![all[2]]));
    subscribing.accept(Some(1), None);
    assert!(subscribing.is_done());
    // It has no words to leave a stream: that is left out.
    subscribing.renew(&all[..1]);
    assert_eq!(said(&mut subscribing, &OneByOne), ["S0USDT"]);
}

#[test]
fn what_is_refused_for_now_is_asked_for_again_in_time() {
    let all = subscriptions(1);
    let mut subscribing = per_request(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]).expect("it has one");
    assert!(subscribing.awaits(id));
    assert_eq!(subscribing.refuse(Some(id), None), Refused::GivenUp(all.clone()));
    let later = NOW.after(Duration::from_secs(60));
    subscribing.postpone(&all, later);
    assert_eq!((subscribing.due(), subscribing.awaits(id)), (later, false));
    subscribing.resume(NOW);
    assert!(said(&mut subscribing, &binance()).is_empty());
    subscribing.resume(later);
    assert_eq!(said(&mut subscribing, &binance()).len(), 1);
    // Nobody asks for what was left meanwhile.
    subscribing.postpone(&all, later);
    subscribing.leave(&all);
    subscribing.resume(later);
    let asked = said(&mut subscribing, &binance());
    assert!(asked.iter().all(|text| !text.contains("\"SUBSCRIBE\"")), "{asked:?}");
}

#[test]
fn a_refusal_of_what_was_left_meanwhile_sinks_no_other() {
    let all = subscriptions(2);
    let mut subscribing = per_subscription(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.leave(&all[..1]);
    // Nobody knows any more whose name it is.
    assert_eq!(subscribing.refuse(id, None), Refused::Pending);
    subscribing.accept(id, subject(&all[1]));
    assert_eq!(subscribing.concluded(), None, "nobody wants it, so it is not given up");
    assert_eq!(subscribing.take_answered(), [all[1]]);

    let mut subscribing = per_request(&all);
    let id = id_of(&said(&mut subscribing, &binance())[0]);
    subscribing.leave(&all[..1]);
    assert_eq!(subscribing.refuse(id, None), Refused::Pending);
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
    subscribing.accept(id, subject(&all[0]));
    assert_eq!(subscribing.refuse(id, subject(&all[1])), Refused::GivenUp(vec![all[1]]));
    subscribing.add(&all[2..]);
    subscribing.leave(&all[1..]);
    assert!(said(&mut subscribing, &binance()).is_empty(), "one was refused, one never asked for");
    subscribing.leave(&all[..1]);
    let asked = said(&mut subscribing, &binance());
    assert!(asked.len() == 1 && asked[0].contains("UNSUBSCRIBE"), "{asked:?}");
    // That it was not there anyway is nobody's business.
    assert_eq!(subscribing.refuse(id_of(&asked[0]), None), Refused::Moot);
}
