"""An application on a real port, in this process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tests.conftest import eventually


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0, **settings: Any) -> AsyncIterator[str]:
    """Serve on a loopback port, by default a free one, with uvicorn's settings that are not as usual; the base URL."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        # asyncio does so for sockets of its own alone; without it each answer waits 40 ms for the client's ACK
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        usual = {"access_log": False, "log_config": None, "ws": "none", "timeout_graceful_shutdown": 5}
        config = uvicorn.Config(app, **{**usual, **settings})
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await eventually(lambda: server.started or task.done())
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
