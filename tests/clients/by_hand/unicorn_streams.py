"""unicorn-binance-websocket-api at simulated Binance, spot and futures.

    pip install unicorn-binance-websocket-api==2.16.1
    python tests/clients/by_hand/unicorn_streams.py target/debug/tickwire

Prints how many of each stream came in some seconds; ends with 1 where one stayed silent.
"""

import json
import sys
import time

from simulated import simulated

SECONDS = 20
# The client asks that what futures tell on `/public` and on `/market` be streams of their own.
RUNS = [
    ("binance", "binance.com",
     ["trade", "aggTrade", "bookTicker", "ticker", "miniTicker", "kline_1m", "depth", "depth5"]),
    ("binance-futures", "binance.com-futures", ["bookTicker", "depth", "depth5"]),
    ("binance-futures", "binance.com-futures",
     ["aggTrade", "ticker", "miniTicker", "kline_1m", "markPrice"]),
]


def kind_of(text):
    """Which stream a frame is of."""
    frame = json.loads(text)
    return frame.get("stream", "@").split("@", 1)[1].split("@")[0]


def main(binary):
    from unicorn_binance_websocket_api import BinanceWebSocketApiManager

    silent = []
    for exchange, name, channels in RUNS:
        with simulated(binary, exchange) as host:
            manager = BinanceWebSocketApiManager(
                exchange=name, websocket_base_uri=f"ws://{host}/", disable_colorama=True)
            manager.create_stream(channels, ["btcusdt", "ethusdt"])
            seen, end = {}, time.monotonic() + SECONDS
            while time.monotonic() < end and not set(channels) <= set(seen):
                text = manager.pop_stream_data_from_stream_buffer()
                if not text:
                    time.sleep(0.01)
                elif "\"stream\"" in text:
                    kind = kind_of(text)
                    seen[kind] = seen.get(kind, 0) + 1
            manager.stop_manager()
        print(exchange, {channel: seen.get(channel, 0) for channel in channels}, flush=True)
        silent += [f"{exchange} {channel}" for channel in channels if channel not in seen]
    print("silent:", ", ".join(silent) or "none")
    return bool(silent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
