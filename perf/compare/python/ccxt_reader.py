"""ccxt pro's Binance against another address: so many trades handled, then what they cost.

Its cache drops trades that nobody awaits in time, so they are counted where it handles them.
"""

import asyncio
import os
import sys
import time

import ccxt.pro

address, wanted = sys.argv[1], int(sys.argv[2])
BASES = ["BTC", "ETH", "BNB", "SOL", "XRP", "DOGE", "PEPE", "ADA"]


class Replayed(ccxt.pro.binance):
    count, before = 0, 0

    def handle_trade(self, client, message):
        if self.count == 0:
            self.before = time.process_time_ns()
        super().handle_trade(client, message)
        self.count += 1
        if self.count == wanted:
            print(f"{self.count} frames {time.process_time_ns() - self.before} ns", flush=True)
            os._exit(0)


def market(exchange, base):
    return exchange.safe_market_structure(
        {
            "id": f"{base}USDT",
            "lowercaseId": f"{base}USDT".lower(),
            "symbol": f"{base}/USDT",
            "base": base,
            "quote": "USDT",
            "baseId": base,
            "quoteId": "USDT",
            "type": "spot",
            "spot": True,
            "contract": False,
            "option": False,
            "active": True,
            "precision": {"amount": 1e-8, "price": 1e-8},
        }
    )


async def main():
    exchange = Replayed()
    exchange.set_markets([market(exchange, base) for base in BASES])
    for kind, url in exchange.urls["api"]["ws"].items():
        if isinstance(url, str):
            exchange.urls["api"]["ws"][kind] = f"ws://{address}/ws"
    symbols = [f"{base}/USDT" for base in BASES]
    while True:
        await exchange.watch_trades_for_symbols(symbols)


asyncio.run(main())
