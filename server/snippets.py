"""Ready-made MCP set-ups for agent runtimes, with this server's URL and a key filled in."""

import json
import shlex
import shutil
import sys
from pathlib import Path

NAME = "gatepost"


def claude_code(url: str, key: str) -> str:
    """The command that adds the server to Claude Code."""
    header = shlex.quote(f"Authorization: Bearer {key}")
    return f"claude mcp add --transport http {NAME} {url}/mcp --header {header}"


def cursor(url: str, key: str) -> str:
    """The contents of `.cursor/mcp.json`."""
    return _json({"mcpServers": {NAME: {"url": f"{url}/mcp", "headers": {"Authorization": f"Bearer {key}"}}}})


def vscode(url: str) -> str:
    """The contents of `.vscode/mcp.json`; VS Code asks for the key and keeps it, so that the file can be shared."""
    ask = {"type": "promptString", "id": f"{NAME}-key", "description": "Gatepost API key", "password": True}
    headers = {"Authorization": f"Bearer ${{input:{NAME}-key}}"}
    return _json({"inputs": [ask], "servers": {NAME: {"type": "http", "url": f"{url}/mcp", "headers": headers}}})


def stdio(url: str, key: str) -> str:
    """The `mcpServers` entry of a runtime that starts its servers itself."""
    entry = {"command": _program(), "args": ["mcp", "--url", url], "env": {"GATEPOST_KEY": key}}
    return _json({"mcpServers": {NAME: entry}})


def every(url: str, key: str) -> dict[str, str]:
    """Each snippet under the heading that says where it goes."""
    return {
        "Claude Code": claude_code(url, key),
        "Cursor (.cursor/mcp.json)": cursor(url, key),
        "VS Code (.vscode/mcp.json)": vscode(url),
        "Any runtime, over stdio": stdio(url, key),
    }


def _program() -> str:
    """This installation's command by its path: a runtime with a window does not know the shell's."""
    return shutil.which(NAME, path=str(Path(sys.executable).absolute().parent)) or NAME


def _json(value: object) -> str:
    return json.dumps(value, indent=2)
