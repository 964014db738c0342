"""An MCP server with one tool, which reports progress, waits at a gate, and reports progress again."""

import os

from content import wait_async
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings

server = MCPServer("shop")


@server.tool()
async def count(gate: int, context: Context) -> str:
    await context.report_progress(1, 2)
    await wait_async(str(gate))
    await context.report_progress(2, 2)
    return f"counted by {os.getpid()}"


app = server.streamable_http_app(
    stateless_http=True,
    transport_security=TransportSecuritySettings(allowed_hosts=[os.environ["ALLOWED_HOST"]]),
)
