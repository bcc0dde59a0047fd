"""cryptofeed's Binance against another address: so many trades, then what they cost.

It speaks wss alone, so that one check is answered for it; nothing else of it is changed.
"""

import os
import sys
import time

import cryptofeed.connection as connection
from cryptofeed import FeedHandler
from cryptofeed.defines import TRADES
from cryptofeed.exchanges import Binance
from cryptofeed.symbols import Symbols

address, wanted = sys.argv[1], int(sys.argv[2])
BASES = ["BTC", "ETH", "BNB", "SOL", "XRP", "DOGE", "PEPE", "ADA"]


class Plain(str):
    """An address that is taken for wss://."""

    def startswith(self, prefix, *rest):
        return prefix == "wss://" or super().startswith(prefix, *rest)


def init(self, address, *arguments, **named):
    original_init(self, Plain(address), *arguments, **named)
    self.address = str(self.address)


original_init = connection.WSAsyncConn.__init__
connection.WSAsyncConn.__init__ = init

count, before = 0, 0


async def trade(trade, receipt):
    global count, before
    if count == 0:
        before = time.process_time_ns()
    count += 1
    if count == wanted:
        print(f"{count} frames {time.process_time_ns() - before} ns", flush=True)
        os._exit(0)


symbols = {f"{base}-USDT": f"{base}USDT" for base in BASES}
Symbols.set(Binance.id, symbols, {"instrument_type": {one: "spot" for one in symbols}, "tick_size": {}})
Binance.websocket_endpoints = [connection.WebsocketEndpoint(f"ws://{address}")]
handler = FeedHandler(config={"log": {"disabled": True}})
handler.add_feed(Binance(symbols=list(symbols), channels=[TRADES], callbacks={TRADES: trade}))
handler.run()
