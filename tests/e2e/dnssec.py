"""A DNS of signed zones on loopback, and Unbound as the resolver that validates them from their own trust anchor."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from dns.asyncresolver import Resolver
from dns.exception import DNSException

from tests.conftest import eventually, program

PARENT = "example"
"""The zone that delegates to all others, and whose key is the trust anchor."""

_HEAD = """\
$ORIGIN {name}.
$TTL 300
@ SOA ns host 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
"""

_SERVER = """\
server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  logfile: "{folder}/unbound.log"
  val-log-level: 2
  module-config: "validator iterator"
  trust-anchor-file: "{parent}.key"
  local-zone: "{parent}." nodefault
remote-control:
  control-enable: no
"""

_ZONE = """\
auth-zone:
  name: "{name}."
  zonefile: "{name}.zone"
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
"""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone below `example`: its records, each a line of a zone file, relative to it.

    `signed`: its parent has its DS record. `forged`: what is put in another's place after the signing.
    """

    records: tuple[str, ...]
    signed: bool = True
    forged: Mapping[str, str] | None = None


@asynccontextmanager
async def unbound(zones: Mapping[str, Zone], port: int, folder: Path) -> AsyncIterator[None]:
    """Unbound on 127.0.0.1, with what it knows signed by ldns-signzone(1)."""
    command = program("unbound")
    _write(zones, folder)
    names = (PARENT, *zones)
    configuration = _SERVER.format(port=port, folder=folder, parent=PARENT)
    configuration += "".join(_ZONE.format(name=name) for name in names)
    (folder / "unbound.conf").write_text(configuration)
    process = await asyncio.create_subprocess_exec(
        *(command, "-d", "-c", str(folder / "unbound.conf")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    async def over() -> bool:
        return process.returncode is not None or await _answers(port)

    try:
        await eventually(over, 20)
        assert process.returncode is None, (folder / "unbound.log").read_text()
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(20):
            await process.wait()


def _write(zones: Mapping[str, Zone], folder: Path) -> None:
    delegations = []
    for name, zone in zones.items():
        label = name.removesuffix(f".{PARENT}")
        delegations += [f"{label} NS ns.{label}", f"ns.{label} A 127.0.0.1"]
        file = folder / f"{name}.zone"
        file.write_text(_HEAD.format(name=name) + "\n".join(zone.records) + "\n")
        if zone.signed:
            delegations.append((folder / f"{_sign(name, folder)}.ds").read_text())
        text = file.read_text()
        for honest, forged in (zone.forged or {}).items():
            assert honest in text
            text = text.replace(honest, forged)
        file.write_text(text)
    (folder / f"{PARENT}.zone").write_text(_HEAD.format(name=PARENT) + "\n".join(delegations) + "\n")
    (folder / f"{_sign(PARENT, folder)}.key").rename(folder / f"{PARENT}.key")


def _sign(name: str, folder: Path) -> str:
    """Sign a zone file in its place; the name of its key's files, without their ending."""
    algorithm = ("-k", "-a", "ECDSAP256SHA256")
    key = _run(folder, program("ldns-keygen"), *algorithm, "-r", "/dev/urandom", f"{name}.")
    _run(folder, program("ldns-signzone"), "-f", f"{name}.zone", f"{name}.zone", key)
    return key


def _run(folder: Path, *command: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


async def _answers(port: int) -> bool:
    resolver = Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.lifetime = ["127.0.0.1"], port, 0.5
    try:
        await resolver.resolve(f"{PARENT}.", "SOA")
    except (DNSException, OSError):
        return False
    return True
