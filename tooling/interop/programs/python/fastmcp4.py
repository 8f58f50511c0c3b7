"""The Python framework `fastmcp`."""

from common import exchange, parse, report, serve

from fastmcp import Client, Context, FastMCP
from fastmcp.exceptions import ToolError


def server():
    app = FastMCP("peer")

    @app.tool
    def echo(message: str) -> str:
        return message

    @app.tool
    def fail() -> str:
        raise ToolError("it failed")

    @app.tool
    async def progress(steps: int, ctx: Context) -> str:
        for step in range(1, steps + 1):
            await ctx.report_progress(step, steps)
        return "done"

    @app.tool
    async def sample(ctx: Context) -> str:
        answer = await ctx.sample("A colour?", max_tokens=10)
        return f"sampled: {answer.text}"

    return app


class Caller:
    def __init__(self, client):
        self.client = client

    async def tool_names(self):
        return [tool.name for tool in await self.client.list_tools()]

    async def call(self, name, arguments, on_progress=None):
        result = await self.client.call_tool(
            name, arguments, progress_handler=on_progress, raise_on_error=False
        )
        return getattr(result.content[0], "text", ""), bool(result.is_error)


async def sampled(messages, params, context):
    return "blue"


def transport(wire, target):
    from fastmcp.client import transports

    if wire == "stdio":
        return transports.StdioTransport(command=target[0], args=target[1:])
    if wire == "http-sse":
        return transports.SSETransport(target[0])
    return transports.StreamableHttpTransport(target[0])


def main():
    args = parse()
    if args.role == "client":

        async def run():
            async with Client(transport(args.wire, args.target), sampling_handler=sampled) as client:
                await exchange(Caller(client), args.skip)
                begun = client.initialize_result
                return getattr(begun, "protocolVersion", None) or getattr(begun, "protocol_version", None)

        return report(run)
    app = server()
    if args.wire == "stdio":
        return app.run(show_banner=False)
    if args.wire == "http-sse":
        return serve(app.http_app(path="/sse", transport="sse"), "/sse")
    modes = {"json": {"json_response": True}, "stateless": {"stateless_http": True}}
    return serve(app.http_app(path="/mcp", **modes.get(args.mode, {})), "/mcp")


main()
