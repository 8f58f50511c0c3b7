"""What the programs of all Python SDKs share: the command line, the checks, and HTTP servers on a free port."""

import argparse
import asyncio
import json
import socket
import sys
import traceback

UNUSUAL_TEXT = 'naïve 漢字 🦀 "quoted" \\ \u2028 tab\tline\nend'
LARGE_LENGTH = 200_000
PARALLEL_CALLS = 20


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["client", "server"])
    parser.add_argument("wire")
    parser.add_argument("--mode", default="auto")
    parser.add_argument("--era", default="legacy")
    parser.add_argument("--skip", default="")
    parser.add_argument("--path", default="")
    own, target = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, target = own[:at], own[at + 1 :]
    args = parser.parse_args(own)
    args.target = target
    args.skip = args.skip.split(",")
    return args


def same(what, actual, wanted):
    if actual != wanted:
        raise AssertionError(f"{what}: {str(actual)[:200]!r} instead of {str(wanted)[:200]!r}")


async def exchange(client, skip):
    """Runs the checks. `client` has `tool_names()` and `call(name, arguments, on_progress) -> (text, is_error)`."""

    async def echo(text):
        return (await client.call("echo", {"message": text}))[0]

    async def tools():
        names = await client.tool_names()
        same("missing tools", [name for name in ("echo", "fail", "progress") if name not in names], [])

    async def echoes():
        same("echo", await echo(UNUSUAL_TEXT), UNUSUAL_TEXT)

    async def large():
        same("length", len(await echo("x" * LARGE_LENGTH)), LARGE_LENGTH)

    async def parallel():
        texts = [f"call {index}" for index in range(PARALLEL_CALLS)]
        same("texts", list(await asyncio.gather(*map(echo, texts))), texts)

    async def error():
        same("is_error", (await client.call("fail", {}))[1], True)

    async def progress():
        received = []

        async def on_progress(value, total=None, message=None):
            received.append(value)

        text, _ = await client.call("progress", {"steps": 3}, on_progress)
        same("result", text, "done")
        same("progress", received, [1, 2, 3][: max(len(received), 1)])

    async def sample():
        same("sampled", (await client.call("sample", {}))[0], "sampled: blue")

    checks = {
        "tools": tools,
        "echo": echoes,
        "large": large,
        "parallel": parallel,
        "error": error,
        "progress": progress,
        "sample": sample,
    }
    for name, check in checks.items():
        if name in skip:
            continue
        try:
            await check()
        except Exception as cause:
            raise RuntimeError(f"{name}: {reason_of(cause)}") from cause


def reason_of(error):
    """The innermost errors: task groups wrap what happened."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(reason_of(each) for each in error.exceptions)
    return f"{type(error).__name__}: {error}"


def report(run):
    """Runs a client and prints its result as one line of JSON."""
    try:
        protocol = asyncio.run(run())
        print(json.dumps({"ok": True, "protocol": protocol}), flush=True)
    except BaseException as error:
        traceback.print_exc()
        print(json.dumps({"ok": False, "error": reason_of(error)}), flush=True)
        sys.exit(1)


def serve(app, path, scheme="http"):
    """Serves an ASGI application on a free port."""
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print(f"listening {scheme}://127.0.0.1:{listener.getsockname()[1]}{path}", flush=True)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
