"""Lets a test speak through ccxt, or python-deriv-api: each line of standard input is a request in JSON, each line of
standard output its answer, in the same order.

    {"call": "fetch_ticker", "args": ["BTC/USDT"]}   the method's result
    {"read": ["orderbooks", "BTC/USDT"]}             what the client holds there now, or null

Arguments: ccxt's name of the exchange, or `deriv`, and the configuration that its constructor takes.
Nothing of the clients is changed: addresses are told as they want it, ccxt's in its table `urls`.
"""

import asyncio
import json
import sys

WAIT_S = 30


class Deriv:
    """python-deriv-api, with what came of each subscription in `heard`, by a name of the test's."""

    def __init__(self, config):
        from deriv_api import DerivAPI

        self.api = DerivAPI(**config)
        self.heard = {}

    def __getattr__(self, name):
        return getattr(self.api, name)

    async def subscribe(self, name, request):
        self.heard[name] = []
        source = await self.api.subscribe(request)
        source.subscribe(self.heard[name].append)

    async def close(self):
        await self.api.clear()


def client(name, config):
    if name == "deriv":
        return Deriv(config)
    import ccxt.pro

    return getattr(ccxt.pro, name)(config)


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
    exchange = client(sys.argv[1], json.loads(sys.argv[2]))
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await answer(exchange, json.loads(line)), default=str), flush=True)
    finally:
        await exchange.close()


asyncio.run(main())
