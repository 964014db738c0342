"""An MCP server. Its tool reports progress while it works."""

import asyncio

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings

mcp = MCPServer("Reports")


@mcp.tool()
async def write_report(chapters: list[str], context: Context) -> str:
    """Write a report with these chapters."""
    for number, chapter in enumerate(chapters, start=1):
        await asyncio.sleep(0.5)
        await context.report_progress(number, len(chapters), f"{chapter} is written")
    return f"A report with {len(chapters)} chapters"


# Only requests with the Function URL's own host reach the function, so the server need not check the host again.
security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
app = mcp.streamable_http_app(stateless_http=True, transport_security=security)
