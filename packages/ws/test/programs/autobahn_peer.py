"""A WebSocket peer on python3-autobahn: `client <url> <count> <deflate>` or `server <deflate>`."""

import asyncio
import json
import sys

from autobahn.asyncio.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponse,
    PerMessageDeflateResponseAccept,
)


def request(n):
    return json.dumps({"jsonrpc": "2.0", "id": n, "method": "x", "params": {"n": n, "text": "täglich 語 " * (n % 90)}})


def names(protocol):
    used = protocol._perMessageCompress
    return ["permessage-deflate"] if used else []


class Client(WebSocketClientProtocol):
    count = 0
    heard = 0
    done = None

    async def onOpen(self):
        assert self.websocket_protocol_in_use == "mcp", self.websocket_protocol_in_use
        for n in range(Client.count):
            self.sendMessage(request(n).encode())
            if n % 100 == 99:
                await asyncio.sleep(0)

    def onMessage(self, payload, isBinary):
        response = json.loads(payload)
        assert not isBinary and response["id"] == Client.heard, response
        assert response["result"] == json.loads(request(Client.heard))["params"], response
        Client.heard += 1
        if Client.heard == Client.count:
            print(json.dumps({"responses": Client.heard, "extensions": names(self)}), flush=True)
            self.sendClose(1000)

    def onClose(self, wasClean, code, reason):
        if not Client.done.done():
            Client.done.set_result(wasClean)


class Server(WebSocketServerProtocol):
    def onConnect(self, request):
        return "mcp" if "mcp" in request.protocols else None

    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        print(json.dumps({"closed": self.remoteCloseCode, "extensions": names(self)}), flush=True)


def accept_response(response):
    if isinstance(response, PerMessageDeflateResponse):
        return PerMessageDeflateResponseAccept(response)


def accept_offer(offers):
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)


async def client(url, count, deflate):
    loop = asyncio.get_running_loop()
    Client.count = count
    Client.done = loop.create_future()
    factory = WebSocketClientFactory(url, protocols=["mcp"], loop=loop)
    factory.protocol = Client
    if deflate:
        factory.setProtocolOptions(
            perMessageCompressionOffers=[PerMessageDeflateOffer()], perMessageCompressionAccept=accept_response
        )
    await loop.create_connection(factory, factory.host, factory.port)
    assert await Client.done


async def server(deflate):
    loop = asyncio.get_running_loop()
    factory = WebSocketServerFactory(loop=loop)
    factory.protocol = Server
    if deflate:
        factory.setProtocolOptions(perMessageCompressionAccept=accept_offer)
    serving = await loop.create_server(factory, "127.0.0.1", 0)
    print(json.dumps({"port": serving.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.Event().wait()


if sys.argv[1] == "client":
    asyncio.run(client(sys.argv[2], int(sys.argv[3]), sys.argv[4] == "true"))
else:
    asyncio.run(server(sys.argv[2] == "true"))
