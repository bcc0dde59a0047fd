"""nautilus_trader's live data client at simulated Binance.

    pip install nautilus_trader==1.221.0
    python tests/clients/by_hand/nautilus_streams.py target/debug/tickwire

Bybit's takes no address of its public streams, OKX's none of its business service, and Binance's
of futures wants an account: those cannot be tried so. A node with one actor subscribes to trades, quotes, book changes and bars of one instrument, and
says how many came in some seconds; ends with 1 where one stayed silent.
"""

import multiprocessing
import sys
import time

from simulated import simulated

# Bars come when their minute ends.
SECONDS = 80
KINDS = ["trades", "quotes", "book", "bars"]


def listen(host, seen):
    from nautilus_trader.adapters.binance import BinanceDataClientConfig
    from nautilus_trader.adapters.binance import BinanceLiveDataClientFactory
    from nautilus_trader.common.actor import Actor
    from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, TradingNodeConfig
    from nautilus_trader.live.node import TradingNode
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.identifiers import InstrumentId

    config = BinanceDataClientConfig(
        api_key="key", api_secret="secret",
        base_url_http=f"http://{host}", base_url_ws=f"ws://{host}",
        instrument_provider=InstrumentProviderConfig(load_all=True))
    instrument = InstrumentId.from_str("BTCUSDT.BINANCE")

    class Counter(Actor):
        def count(self, kind):
            seen[kind] = seen.get(kind, 0) + 1

        def on_start(self):
            self.subscribe_trade_ticks(instrument)
            self.subscribe_quote_ticks(instrument)
            self.subscribe_order_book_deltas(instrument)
            self.subscribe_bars(BarType.from_str(f"{instrument}-1-MINUTE-LAST-EXTERNAL"))

        def on_trade_tick(self, tick):
            self.count("trades")

        def on_quote_tick(self, tick):
            self.count("quotes")

        def on_order_book_deltas(self, deltas):
            self.count("book")

        def on_bar(self, bar):
            self.count("bars")

    node = TradingNode(config=TradingNodeConfig(
        trader_id="TESTER-001", logging=LoggingConfig(log_level="WARNING"),
        data_clients={"BINANCE": config}))
    node.trader.add_actor(Counter())
    node.add_data_client_factory("BINANCE", BinanceLiveDataClientFactory)
    node.build()
    node.run()


def main(binary):
    with multiprocessing.Manager() as manager, simulated(binary, "binance") as host:
        seen = manager.dict()
        child = multiprocessing.Process(target=listen, args=(host, seen))
        child.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and child.is_alive() and not set(KINDS) <= set(seen.keys()):
            time.sleep(0.2)
        counts = {kind: seen.get(kind, 0) for kind in KINDS}
        child.kill()
    print("binance", counts)
    return 0 in counts.values()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
