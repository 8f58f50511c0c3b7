"""The Python SDK `mcp` 2.x."""

from common import exchange, parse, report, serve

from mcp import Client, StdioServerParameters, types
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError


def server():
    app = MCPServer("peer")

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


class Caller:
    def __init__(self, client):
        self.client = client

    async def tool_names(self):
        return [tool.name for tool in (await self.client.list_tools()).tools]

    async def call(self, name, arguments, on_progress=None):
        result = await self.client.call_tool(name, arguments, progress_callback=on_progress)
        return getattr(result.content[0], "text", ""), bool(result.is_error)


async def sampled(context, params):
    content = types.TextContent(type="text", text="blue")
    return types.CreateMessageResult(role="assistant", content=content, model="none")


def target_of(wire, target):
    if wire == "stdio":
        return StdioServerParameters(command=target[0], args=target[1:])
    if wire == "http-sse":
        from mcp.client.sse import sse_client

        return sse_client(target[0])
    return target[0]


def main():
    args = parse()
    if args.role == "client":
        mode = "2026-07-28" if args.era == "modern" else args.era

        async def run():
            async with Client(target_of(args.wire, args.target), mode=mode, sampling_callback=sampled) as client:
                await exchange(Caller(client), args.skip)
                return client.protocol_version

        return report(run)
    app = server()
    if args.wire == "stdio":
        return app.run("stdio")
    if args.wire == "http-sse":
        return serve(app.sse_app(), "/sse")
    modes = {"json": {"json_response": True}, "stateless": {"stateless_http": True}}
    return serve(app.streamable_http_app(**modes.get(args.mode, {})), "/mcp")


main()
