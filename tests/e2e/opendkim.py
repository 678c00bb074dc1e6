"""OpenDKIM's verdict on a mail, with keys from a zone of the test."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import missing, program
from tests.fakes.dns_server import FakeDNSServer, Zone

RESOLVER = "127.0.0.153"
"""OpenDKIM asks the system's resolver, so the zone is served where a private resolv.conf points."""
_SCRIPT = 'mount --bind "$1" /etc/resolv.conf && exec "$2" -C'


@dataclass(frozen=True, slots=True)
class OpenDKIM:
    """opendkim-testmsg(8) in a mount namespace of its own."""

    dns: FakeDNSServer
    command: tuple[str, ...]

    async def verifies(self, raw: bytes, zone: Zone) -> bool:
        """Whether it accepts a signature of the mail, the zone being all that DNS has."""
        self.dns.zone = zone
        process = await asyncio.create_subprocess_exec(
            *self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        async with asyncio.timeout(30):
            said, _ = await process.communicate(raw)
        # anything but a verdict is a failure of the test
        assert process.returncode == 0 or b"dkim_" in said, said.decode()
        return process.returncode == 0


@asynccontextmanager
async def opendkim(folder: Path) -> AsyncIterator[OpenDKIM]:
    """OpenDKIM, or a skip where it cannot be run."""
    command = (program("unshare"), "--mount", "sh", "-c", _SCRIPT, "sh", str(folder / "resolv.conf"))
    testmsg = program("opendkim-testmsg")
    if os.geteuid() != 0:
        missing("root, for a resolver of the test's own")
    (folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\noptions timeout:5 attempts:1\n")
    async with FakeDNSServer({}, address=(RESOLVER, 53)) as dns:
        yield OpenDKIM(dns, (*command, testmsg))
