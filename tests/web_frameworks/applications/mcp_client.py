"""Program: calls the tool of `mcp_server.py`, each time as another client: `mcp_client.py URL HOST MODE GATE COUNT`.

It prints a line for each progress and for each result.
"""

import asyncio
import sys

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

url, host, mode, gate, count = sys.argv[1:]


async def print_progress(progress, total, message):
    print("progress", progress, flush=True)


async def main():
    for _ in range(int(count)):
        async with (
            create_mcp_http_client(headers={"host": host}) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            tools = await client.list_tools()
            print("tools", *(tool.name for tool in tools.tools), flush=True)
            result = await client.call_tool("count", {"gate": int(gate)}, progress_callback=print_progress)
            print("result", result.content[0].text, flush=True)


asyncio.run(main())
