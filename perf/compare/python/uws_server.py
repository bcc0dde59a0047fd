"""uWebSockets by its Python binding: its own publish to a topic that every client has."""

import sys

from socketify import App, AppListenOptions, CompressOptions, OpCode


def opened(socket):
    if not socket.get_user_data():
        socket.subscribe("trades")


def upgraded(response, request, context):
    publishes = request.get_url() == "/publish"
    response.upgrade(
        request.get_header("sec-websocket-key"),
        request.get_header("sec-websocket-protocol"),
        request.get_header("sec-websocket-extensions"),
        context,
        publishes,
    )


def told(socket, message, opcode):
    app.publish("trades", message, OpCode.TEXT)


app = App()
app.ws(
    "/*",
    {
        "compression": CompressOptions.DISABLED,
        "max_backpressure": 64 << 20,
        "idle_timeout": 120,
        "upgrade": upgraded,
        "open": opened,
        "message": told,
    },
)
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"), lambda _: None)
app.run()
