//! An exchange by other rules.

use tickwire::exchange::{
    Batch, ConnectionPlan, ConnectionRules, Exchange, Frame, Rejected, Request, Subscription,
};
use tickwire::instrument::{ExchangeId, NativeMap};
use tickwire::json::PaddedFrame;

/// An exchange with other rules than its own, so that a test need not take as long as they do.
pub(crate) struct Bent<R> {
    pub(crate) exchange: Box<dyn Exchange>,
    /// Changes what the exchange is said to allow.
    pub(crate) rules: R,
}

impl<R: Fn(&mut ConnectionRules) + Send + 'static> Exchange for Bent<R> {
    fn id(&self) -> ExchangeId {
        self.exchange.id()
    }

    fn connection_rules(&self) -> ConnectionRules {
        let mut rules = self.exchange.connection_rules();
        (self.rules)(&mut rules);
        rules
    }

    fn plan(&self, wanted: &[Subscription]) -> Vec<ConnectionPlan> {
        self.exchange.plan(wanted)
    }

    fn subscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        self.exchange.subscribe(subscriptions, next_id)
    }

    fn unsubscribe(&self, subscriptions: &[Subscription], next_id: &mut u64) -> Vec<Request> {
        self.exchange.unsubscribe(subscriptions, next_id)
    }

    fn set_instruments(&mut self, instruments: NativeMap) {
        self.exchange.set_instruments(instruments);
    }

    fn parse(&mut self, frame: PaddedFrame<'_>, batch: &mut Batch) -> Result<Frame, Rejected> {
        self.exchange.parse(frame, batch)
    }

    fn symbols_in(&self, frame: &[u8], found: &mut dyn FnMut(&str)) {
        self.exchange.symbols_in(frame, found);
    }
}
