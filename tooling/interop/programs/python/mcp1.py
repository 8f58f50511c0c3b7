"""The Python SDK `mcp` 1.x."""

from common import exchange, parse, report, serve

from mcp import ClientSession, StdioServerParameters
from mcp import types
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError


def server(mode):
    app = FastMCP("peer", json_response=mode == "json", stateless_http=mode == "stateless")

    @app.tool()
    def echo(message: str) -> str:
        return message

    @app.tool()
    def fail() -> str:
        raise ToolError("it failed")

    @app.tool()
    async def progress(steps: int, ctx: Context) -> str:
        for step in range(1, steps + 1):
            await ctx.report_progress(step, steps)
        return "done"

    @app.tool()
    async def sample(ctx: Context) -> str:
        prompt = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="A colour?"))
        answer = await ctx.session.create_message(
            [prompt], max_tokens=10, related_request_id=ctx.request_id
        )
        return f"sampled: {answer.content.text}"

    return app


def serve_ws(app):
    from mcp.server.websocket import websocket_server

    async def asgi(scope, receive, send):
        if scope["type"] != "websocket":
            return
        async with websocket_server(scope, receive, send) as (reading, writing):
            low = app._mcp_server
            await low.run(reading, writing, low.create_initialization_options())

    serve(asgi, "/mcp", "ws")


class Caller:
    def __init__(self, session):
        self.session = session

    async def tool_names(self):
        return [tool.name for tool in (await self.session.list_tools()).tools]

    async def call(self, name, arguments, on_progress=None):
        result = await self.session.call_tool(name, arguments, progress_callback=on_progress)
        return getattr(result.content[0], "text", ""), bool(result.isError)


async def sampled(context, params):
    content = types.TextContent(type="text", text="blue")
    return types.CreateMessageResult(role="assistant", content=content, model="none")


def transport(wire, target):
    if wire == "stdio":
        from mcp.client.stdio import stdio_client

        return stdio_client(StdioServerParameters(command=target[0], args=target[1:]))
    if wire == "http-sse":
        from mcp.client.sse import sse_client

        return sse_client(target[0])
    if wire == "ws":
        from mcp.client.websocket import websocket_client

        return websocket_client(target[0])
    from mcp.client.streamable_http import streamable_http_client

    return streamable_http_client(target[0])


def main():
    args = parse()
    if args.role == "client":

        async def run():
            async with transport(args.wire, args.target) as streams:
                async with ClientSession(streams[0], streams[1], sampling_callback=sampled) as session:
                    begun = await session.initialize()
                    await exchange(Caller(session), args.skip)
                    return begun.protocolVersion

        return report(run)
    app = server(args.mode)
    if args.wire == "stdio":
        return app.run("stdio")
    if args.wire == "ws":
        return serve_ws(app)
    if args.wire == "http-sse":
        return serve(app.sse_app(), "/sse")
    return serve(app.streamable_http_app(), "/mcp")


main()
