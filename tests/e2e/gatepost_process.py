"""Gatepost as people run it: `gatepost init` and `gatepost serve` as processes of their own, on free ports."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.conftest import eventually

DOMAIN = "agents.example"
MAILBOX = f"ada@{DOMAIN}"
OVERSEER = "boss@example.org"
START_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass
class Gatepost:
    """One installation; its process can be killed and started again."""

    data: Path
    key: str
    mailbox_id: str
    environment: dict[str, str]
    url: str = ""
    smtp_port: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    """What the present process has logged."""
    before: tuple[str, ...] = ()
    """A command that runs the one behind it, in other conditions."""
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def database(self) -> Path:
        return self.data / "gatepost.db"

    async def start(self) -> None:
        """Start it and wait until it is ready; the ports are chosen anew each time."""
        self.lines = []
        self._process = await asyncio.create_subprocess_exec(
            *self.before, *command("serve"), env=self.environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self._reading = asyncio.create_task(self._read())
        serving = await self.logged("serving", START_SECONDS)
        if serving["smtp"]:
            self.smtp_port = int(serving["smtp"].rpartition(":")[2])
        if not serving["web"]:
            return
        self.url = serving["web"]
        async with httpx2.AsyncClient() as http:
            answer = await http.get(f"{self.url}/readyz")
        assert answer.status_code == 200, answer.text

    async def kill(self) -> None:
        """End it as a power cut would: at once, with nothing tidied up."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to stop; its exit status."""
        return await self._end(signal.SIGTERM)

    async def logged(self, event: str, seconds: float = 10.0, **values: object) -> dict[str, Any]:
        """The first log line with this event and these values, waiting for it."""

        def found() -> list[dict[str, Any]]:
            self._check_alive()
            return [line for line in self.lines if {"event": event, **values}.items() <= line.items()]

        await eventually(found, seconds)
        return found()[0]

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the SQLite database, read beside the server."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement, values)]

    def alter(self, statement: str, **values: object) -> int:
        """Change the database behind Gatepost's back; the number of rows changed."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            return connection.execute(statement, values).rowcount

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None and self._reading is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            status = await self._process.wait()
            await self._reading
        return status

    def _check_alive(self) -> None:
        assert self._process is not None
        assert self._process.returncode is None, f"gatepost serve has ended: {self.lines[-5:]}"

    async def _read(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        async for line in self._process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"event": line.decode(errors="replace").rstrip()})


@asynccontextmanager
async def installed(data: Path, **settings: object) -> AsyncIterator[Gatepost]:
    """An installation made by `gatepost init`, not yet started; whatever runs at the end is killed."""
    environment = environment_with({"data": data, "http_port": 0, "smtp_port": 0, **settings})
    made = json.loads(
        await run("init", "--domain", DOMAIN, "--overseer", OVERSEER, "--mailbox", "ada", "--json", env=environment)
    )
    gatepost = Gatepost(data, made["key"], made["mailbox_id"], environment)
    try:
        yield gatepost
    finally:
        if gatepost._process is not None:
            await gatepost.kill()


@asynccontextmanager
async def served(data: Path, **settings: object) -> AsyncIterator[Gatepost]:
    """An installation that runs."""
    async with installed(data, **settings) as gatepost:
        await gatepost.start()
        yield gatepost


async def run(*arguments: str, env: Mapping[str, str], stdin: bytes = b"") -> bytes:
    """Run a `gatepost` command to its end; what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments), env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(START_SECONDS):
        printed, said = await process.communicate(stdin)
    assert process.returncode == 0, said.decode()
    return printed


def command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "gatepost", *arguments)


def environment_with(settings: Mapping[str, object]) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    return own | {f"GATEPOST_{name.upper()}": str(value) for name, value in settings.items()}
