"""`gatepost mcp` with a data folder of its own: a whole server inside one stdio process."""

from server.app import running
from server.mcp.stdio import serve_stdio
from server.settings import Settings, SettingsError
from tools.accounts import list_accounts
from tools.context import Principal


async def serve_agent(settings: Settings) -> None:
    """Run a server and speak MCP on stdin and stdout until stdin ends. Raises SettingsError."""
    async with running(settings) as server:
        accounts = await list_accounts(server.context)
        if not accounts:
            raise SettingsError(f"{settings.data} is not set up. Run 'gatepost init --data {settings.data} …' first.")
        agent = Principal(accounts[0].id, frozenset({"read", "send"}), "the agent on stdio")
        await serve_stdio(server.context.acting_as(agent))
