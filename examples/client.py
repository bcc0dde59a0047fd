"""A client of the gateway in Python: pip install websockets; python client.py [URL] [SYMBOL]"""

import asyncio
import json
import sys
from decimal import Decimal

import websockets


def tell(*words):
    print("client.py:", *words, file=sys.stderr, flush=True)


def resumed(data, epoch):
    """Says whether all that was missed came; what has no answer here was not asked for."""
    for instrument, whole in data.get("recovered", {}).items():
        if whole:
            tell(f"{instrument}: resumed, nothing was missed")
        elif data["epoch"] != epoch:
            tell(f"*** EVENTS LOST *** {instrument}: the gateway was started anew, which forgot "
                 "all that came before. How many are missing nobody knows: ask the exchange.")
        else:
            tell(f"*** EVENTS LOST *** {instrument}: away for longer than the gateway remembers. "
                 "A gap event names the numbers that are missing.")


async def listen(socket, symbol, state):
    seen = state["seen"]
    await socket.send(json.dumps({
        "action": "subscribe", "symbols": [symbol], "channels": ["trades"],
        # What was missed comes first; without anything seen before, the last trade.
        **({"from": seen} if seen else {"snapshot": True}),
    }))
    async for text in socket:
        # Prices carry exactly the exchange's digits; keep them exact here too.
        event = json.loads(text, parse_float=Decimal)
        if event["type"] == "success":
            resumed(event["data"], state["epoch"])
            if event["data"]["epoch"] != state["epoch"]:
                # Numbers of another run of the gateway mean nothing in this one.
                state["epoch"] = event["data"]["epoch"]
                seen.clear()
        elif event["type"] == "trade":
            trade = event["data"]
            instrument = f"{trade['exchange']}:{trade['symbol']}"
            seen[instrument] = {"epoch": state["epoch"], "seq": event["seq"]}
            print(instrument, trade["side"], trade["volume"], "@", trade["price"], flush=True)
        elif event["type"] == "gap":
            gap = event["data"]
            tell(f"*** EVENTS LOST *** {gap['exchange']}:{gap['symbol']}: "
                 f"{gap['fromSeq']} to {gap['toSeq']} ({gap['reason']})")
        elif event["type"] == "error":
            sys.exit(f"client.py: {event['code']}: {event['message']}")


async def main(url="ws://127.0.0.1:8080", symbol="BTC/USDT"):
    state = {"epoch": None, "seen": {}}
    wait = 0.5
    while True:
        try:
            async with websockets.connect(url) as socket:
                tell(f"connected to {url}")
                wait = 0.5
                await listen(socket, symbol, state)
                reason = f"closed with {socket.close_code} {socket.close_reason}"
        except (OSError, websockets.WebSocketException) as error:
            reason = error
        tell(f"{reason}; trying again in {wait} s")
        await asyncio.sleep(wait)
        wait = min(wait * 2, 30)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        pass
