"""A WebSocket peer on python3-websockets: `client <url> <count> <deflate>` or `server <deflate>`."""

import asyncio
import json
import sys

import websockets


def request(n):
    return json.dumps({"jsonrpc": "2.0", "id": n, "method": "x", "params": {"n": n, "text": "täglich 語 " * (n % 90)}})


async def client(url, count, compression):
    async with websockets.connect(url, subprotocols=["mcp"], compression=compression, max_size=None) as ws:
        assert ws.subprotocol == "mcp", ws.subprotocol

        async def send():
            for n in range(count):
                await ws.send(request(n))

        sending = asyncio.create_task(send())
        for n in range(count):
            response = json.loads(await ws.recv())
            assert response["id"] == n and response["result"] == json.loads(request(n))["params"], response
        await sending
        print(json.dumps({"responses": count, "extensions": [each.name for each in ws.extensions]}), flush=True)


async def server(compression):
    async def echo(ws):
        async for text in ws:
            await ws.send(text)
        print(json.dumps({"closed": ws.close_code, "extensions": [each.name for each in ws.extensions]}), flush=True)

    async with websockets.serve(echo, "127.0.0.1", 0, subprotocols=["mcp"], compression=compression) as serving:
        print(json.dumps({"port": serving.sockets[0].getsockname()[1]}), flush=True)
        await asyncio.Event().wait()


if sys.argv[1] == "client":
    asyncio.run(client(sys.argv[2], int(sys.argv[3]), "deflate" if sys.argv[4] == "true" else None))
else:
    asyncio.run(server("deflate" if sys.argv[2] == "true" else None))
