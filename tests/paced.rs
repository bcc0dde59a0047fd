//! Delivery at a pace: what is held back is told in its order, once, with every jump explained.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod floor;

use floor::{BTC, Client, Floor, subscribe};
use serde_json::{Value, json};
use tickwire::instrument::Channel;
use tickwire::tick::{Body, Reason, Side};

#[test]
fn a_pace_sends_the_newest_and_says_how_many_it_stands_for() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let pace = json!({"delivery": {"perSecond": 20}});
    client.say(&subscribe(&["binance:BTC/USDT"], &["trades", "quotes"], pace));
    assert_eq!(client.next()["type"], "success");
    let started = std::time::Instant::now();
    for id in 1..=3_000 {
        floor.spot.trade(BTC, id, "1");
        floor.spot.quote(BTC, "1", "2");
    }
    let (mut seqs, mut events) = ([0_u64; 2], 0_u32);
    while seqs != [3_000; 2] {
        let event = client.next();
        let channel = usize::from(event["type"] == "quote");
        let seq = event["seq"].as_u64().unwrap();
        assert_eq!(seq, seqs[channel] + event["conflated"].as_u64().unwrap_or(0) + 1);
        seqs[channel] = seq;
        events += 1;
    }
    // Per channel one at once, and then no more than the pace allows.
    let allowed = 2 * (started.elapsed().as_millis() / 50 + 2);
    assert!(u128::from(events) <= allowed, "{events} events, {allowed} allowed");
}

/// The numbers that a message stands for.
fn stands_for(event: &Value) -> (u64, u64) {
    if event["type"] == "gap" {
        let data = &event["data"];
        return (data["fromSeq"].as_u64().unwrap(), data["toSeq"].as_u64().unwrap());
    }
    let seq = event["seq"].as_u64().unwrap();
    (seq - event["conflated"].as_u64().unwrap_or(0), seq)
}

#[test]
fn what_a_pace_holds_back_is_told_before_a_gap_and_not_again_to_who_has_it() {
    let mut floor = Floor::new();
    let delivery = json!({"perSecond": 2});
    let mut client = floor.client();
    let paced = subscribe(&["binance:BTC/USDT"], &["trades"], json!({"delivery": delivery}));
    assert_eq!(client.ask(&paced)["type"], "success");
    let (mut witness, mut id) = (floor.client(), 0);
    witness.subscribe(&["binance:BTC/USDT"], &["trades"]);
    let mut trades = |floor: &mut Floor, witness: &mut Client, count| {
        for _ in 0..count {
            id += 1;
            floor.spot.trade(BTC, id, "1");
            let name = id.to_string();
            while witness.next()["data"]["tradeId"] != name {}
        }
    };
    trades(&mut floor, &mut witness, 4);
    // Somebody who comes while the group holds an event back has it from the snapshot.
    let mut late = floor.client();
    let more = json!({"delivery": delivery, "snapshot": true});
    assert_eq!(late.ask(&subscribe(&["BTC/USDT"], &["trades"], more))["type"], "success");
    let mut lasts = [0, stands_for(&late.next()).1];
    assert_eq!(lasts[1], 4);
    let gap = Body::Gap { channel: Channel::Trades, reason: Reason::Stall, missed: 3 };
    for turn in 0..6 {
        if turn > 0 {
            trades(&mut floor, &mut witness, turn % 3);
            floor.spot.push(BTC, &[gap]);
        }
        trades(&mut floor, &mut witness, 1);
    }
    let newest = id + 5 * 3;
    for (client, last) in [&mut client, &mut late].into_iter().zip(&mut lasts) {
        let mut gaps = 0;
        while *last < newest {
            let event = client.next();
            let (from, to) = stands_for(&event);
            assert_eq!(from, *last + 1, "{event}");
            if event["type"] == "gap" {
                assert_eq!(to, from + 2, "what was held back is told: {event}");
                gaps += 1;
            }
            *last = to;
        }
        assert_eq!(gaps, 5);
    }
}

#[test]
fn a_paced_book_comes_as_snapshots_with_every_jump_explained() {
    let mut floor = Floor::new();
    floor.spot.book(BTC, true, &[(Side::Bid, "10", "1")]);
    let mut client = floor.client();
    let pace = json!({"delivery": {"perSecond": 50}, "depth": 1});
    client.say(&subscribe(&["binance:BTC/USDT"], &["orderbook"], pace));
    assert_eq!(client.next()["type"], "success");
    let mut seq = client.next()["seq"].as_u64().unwrap();
    for size in 1..=500 {
        floor.spot.book(BTC, false, &[(Side::Bid, "10", &size.to_string())]);
    }
    loop {
        let event = client.next();
        assert_eq!(event["data"]["kind"], "snapshot");
        let next = event["seq"].as_u64().unwrap();
        assert_eq!(next, seq + event["conflated"].as_u64().unwrap_or(0) + 1);
        seq = next;
        if seq == 501 {
            assert_eq!(event["data"]["bids"], json!([[10, 500]]));
            break;
        }
    }
}

#[test]
fn a_snapshot_of_what_lacks_something_says_so() {
    let mut floor = Floor::new();
    let mut witness = floor.client();
    witness.subscribe(&["binance:BTC/USDT"], &["quotes"]);
    floor.spot.quote(BTC, "1", "2");
    let gap = Body::Gap { channel: Channel::Quotes, reason: Reason::Refused, missed: 1 };
    floor.spot.push(BTC, &[gap]);
    while witness.next()["type"] != "gap" {}
    for delivery in [json!("all"), json!("latest"), json!({"perSecond": 5})] {
        let mut late = floor.client();
        let more = json!({"snapshot": true, "delivery": delivery});
        let asked = subscribe(&["binance:BTC/USDT"], &["quotes"], more);
        assert_eq!(late.ask(&asked)["type"], "success");
        assert_eq!(stands_for(&late.next()), (1, 1));
        let told = late.next();
        assert_eq!((&told["type"], stands_for(&told)), (&json!("gap"), (2, 2)), "{told}");
        assert_eq!(told["data"]["reason"], "refused value");
    }
}

#[test]
fn who_leaves_a_pace_is_told_what_it_held_back() {
    let mut floor = Floor::new();
    let mut client = floor.client();
    let paced = json!({"delivery": {"perSecond": 1}});
    let ask = |more| subscribe(&["binance:BTC/USDT"], &["quotes"], more);
    assert_eq!(client.ask(&ask(paced))["type"], "success");
    let mut witness = floor.client();
    witness.subscribe(&["binance:BTC/USDT"], &["quotes"]);
    for seq in 1..=4 {
        floor.spot.quote(BTC, "1", &(1 + seq).to_string());
        while witness.next()["seq"] != seq {}
    }
    client.say(&ask(json!({"delivery": "all"})));
    floor.spot.quote(BTC, "1", "9");
    let mut last = 0;
    while last < 5 {
        let event = client.next();
        if event["type"] == "success" {
            continue;
        }
        let (from, to) = stands_for(&event);
        assert_eq!(from, last + 1, "{event}");
        last = to;
    }
}
