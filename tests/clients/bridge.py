"""Lets a test speak through ccxt: each line of standard input is a request in JSON, each line of
standard output its answer, in the same order.

    {"call": "fetch_ticker", "args": ["BTC/USDT"]}   the method's result
    {"read": ["orderbooks", "BTC/USDT"]}             what the client holds there now, or null

Arguments: ccxt's name of the exchange, and the configuration that its constructor takes. Nothing
of ccxt is changed: addresses are told in its own table, `urls`.
"""

import asyncio
import json
import sys

import ccxt.pro

WAIT_S = 30


def read(exchange, path):
    value = getattr(exchange, path[0])
    for key in path[1:]:
        if key not in value:
            return None
        value = value[key]
    return value


async def answer(exchange, request):
    try:
        if "read" in request:
            return {"result": read(exchange, request["read"])}
        called = getattr(exchange, request["call"])(*request.get("args", []))
        return {"result": await asyncio.wait_for(called, WAIT_S)}
    except Exception as error:  # whatever it is, the test reads it
        return {"error": f"{type(error).__name__}: {error}"}


async def main():
    exchange = getattr(ccxt.pro, sys.argv[1])(json.loads(sys.argv[2]))
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await answer(exchange, json.loads(line)), default=str), flush=True)
    finally:
        await exchange.close()


asyncio.run(main())
