"""cryptofeed at every exchange that it and `tickwire sim` know, with every public channel it has.

    pip install cryptofeed==2.4.1
    python tests/clients/by_hand/cryptofeed_channels.py target/debug/tickwire

Prints how many of each came in some seconds; ends with 1 where a channel stayed silent.
"""

import importlib
import multiprocessing
import sys
import tempfile
import time

from simulated import simulated, trust

SECONDS = 20
COMMON = ["trades", "l2_book", "ticker"]
CONTRACTS = ["funding", "open_interest"]

# Simulated exchange, cryptofeed's module and class, what it asks for, symbols.
RUNS = [
    ("binance", "binance", "Binance", [*COMMON, "candles"], ["BTC-USDT", "ETH-USDT"]),
    ("binance-futures", "binance_futures", "BinanceFutures", [*COMMON, "candles", *CONTRACTS],
     ["BTC-USDT-PERP"]),
    ("bybit", "bybit", "Bybit", ["trades", "l2_book", "candles"], ["BTC-USDT"]),
    ("bybit-linear", "bybit", "Bybit", [*COMMON, "candles", *CONTRACTS, "index"], ["BTC-USDT-PERP"]),
    ("okx", "okx", "OKX", COMMON, ["BTC-USDT"]),
    ("okx", "okx", "OKX", [*COMMON, *CONTRACTS], ["BTC-USDT-PERP"]),
    ("kraken", "kraken", "Kraken", [*COMMON, "candles"], ["BTC-USD"]),
    ("coinbase-advanced", "coinbase", "Coinbase", ["trades", "l2_book"], ["BTC-USD"]),
]


def listen(run, host, authority, seen):
    """One feed for some seconds, in a process of its own: cryptofeed keeps symbols per process."""
    trust(authority)
    from cryptofeed import FeedHandler

    _, module, name, channels, symbols = run
    feed = getattr(importlib.import_module(f"cryptofeed.exchanges.{module}"), name)
    for endpoint in feed.websocket_endpoints + feed.rest_endpoints:
        scheme, rest = endpoint.address.split("://", 1)
        path = rest[rest.index("/"):] if "/" in rest else ""
        endpoint.address = f"{scheme}://{host}{path}"

    def counter(channel):
        async def count(*arguments):
            seen[channel] = seen.get(channel, 0) + 1
        return count

    config = {"log": {"filename": "/dev/stderr", "level": "WARNING", "disabled": False}}
    config["coinbase"] = {"key_id": "key", "key_secret": "secret"}
    handler = FeedHandler(config=config)
    more = {"candle_closed_only": False}
    if name == "Kraken":
        more["checksum_validation"] = True
    callbacks = {channel: counter(channel) for channel in channels}
    handler.add_feed(feed(symbols=symbols, channels=channels, callbacks=callbacks, config=config,
                          **more))
    handler.run()


def main(binary):
    silent = []
    with multiprocessing.Manager() as manager:
        for run in RUNS:
            with tempfile.NamedTemporaryFile(suffix=".pem") as authority:
                arguments = ["--tls", "--tls-ca-out", authority.name]
                with simulated(binary, run[0], *arguments) as host:
                    seen = manager.dict()
                    child = multiprocessing.Process(
                        target=listen, args=(run, host, authority.name, seen))
                    child.start()
                    end = time.monotonic() + SECONDS
                    while time.monotonic() < end and child.is_alive():
                        time.sleep(0.2)
                        if all(channel in seen for channel in run[3]):
                            break
                    counts = {channel: seen.get(channel, 0) for channel in run[3]}
                    child.terminate()
                    child.join()
            print(run[0], ", ".join(run[4]), counts, flush=True)
            silent += [f"{run[0]} {channel}" for channel, count in counts.items() if not count]
    print("silent:", ", ".join(silent) or "none")
    return bool(silent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
