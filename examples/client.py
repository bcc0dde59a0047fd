"""A client of the gateway in Python: pip install websockets; python client.py [URL] [SYMBOL]"""

import asyncio
import json
import sys
from decimal import Decimal

import websockets


async def main(url="ws://127.0.0.1:8080", symbol="BTC/USDT"):
    # Reconnects by itself, and asks for what it missed: `from` names the last seq it saw.
    seen = {}
    async for socket in websockets.connect(url):
        try:
            await socket.send(json.dumps({
                "action": "subscribe", "symbols": [symbol], "channels": ["trades"],
                "snapshot": True, "from": seen,
            }))
            epoch = None
            async for text in socket:
                # Prices carry exactly the exchange's digits; keep them exact here too.
                event = json.loads(text, parse_float=Decimal)
                if event["type"] == "success":
                    epoch = event["data"]["epoch"]
                elif event["type"] == "trade":
                    trade = event["data"]
                    instrument = f"{trade['exchange']}:{trade['symbol']}"
                    seen[instrument] = {"epoch": epoch, "seq": event["seq"]}
                    print(instrument, trade["side"], trade["volume"], "@", trade["price"])
                elif event["type"] in ("gap", "error"):
                    print(text)
        except websockets.ConnectionClosed:
            continue


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
