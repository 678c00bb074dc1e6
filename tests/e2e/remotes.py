"""Two mail servers of the world, Postfix and Exim, made to behave alike: what they refuse goes by the recipient's local
part, and what certificate they show by the address they are reached at."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trustme import CA

from tests.e2e.exim import exim
from tests.e2e.postfix import postfix
from tests.fakes.certificates import Issued

ADDRESSES = {
    "good": "127.0.1.1",
    "selfsigned": "127.0.1.2",
    "wrongname": "127.0.1.3",
    "expired": "127.0.1.4",
    "none": "127.0.1.5",
}
"""Where a server shows which certificate; at the last it does not offer STARTTLS."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply, and the step at which a server gives it."""

    step: str
    code: int
    text: str


REFUSALS = {
    "rcpt4": Refusal("rcpt", 450, "4.2.1 The mailbox is busy, try again later"),
    "rcpt5": Refusal("rcpt", 550, "5.1.1 No such user here"),
    "data4": Refusal("data", 451, "4.3.2 The system is closing for maintenance"),
    "data5": Refusal("data", 554, "5.7.1 Blocked, listed at Spamhaus"),
    "dot4": Refusal("dot", 452, "4.2.2 The mailbox is full"),
    "dot5": Refusal("dot", 554, "5.7.1 The message looks like spam"),
}
"""By local part."""
GREY = "grey"
"""The local part whose mail is greylisted."""
GREY_TEXT = "4.7.1 Greylisted, come back in five minutes"


class Remote(Protocol):
    """A server that runs."""

    def mails(self, person: str) -> list[bytes]:
        """What it has taken; everything is delivered to `all`."""
        ...


Server = Callable[[int, Path, int], AbstractAsyncContextManager[Remote]]
"""Runs a server on a port of each of the addresses, with certificates from a folder and a greylist at another port."""


def write_certificates(folder: Path, issued: Mapping[str, Issued], authority: CA) -> None:
    """Keys and chains, a file for each address, as both servers read them. The good one is shown with its authority."""
    for kind, certificate in issued.items():
        shown = certificate.private_key_and_cert_chain_pem.bytes()
        if kind == "good":
            shown += authority.cert_pem.bytes()
        (folder / f"{ADDRESSES[kind]}.pem").write_bytes(shown)


@asynccontextmanager
async def greylisting() -> AsyncIterator[int]:
    """The port of a policy service by Postfix's protocol (SMTPD_POLICY_README): what comes from somebody for the first
    time is put off."""
    seen: set[tuple[str | None, str | None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await _request(reader):
            pair = (request.get("sender"), request.get("recipient"))
            known = pair in seen or not str(pair[1]).startswith(f"{GREY}@")
            seen.add(pair)
            writer.write(b"action=%s\n\n" % (b"DUNNO" if known else b"DEFER_IF_PERMIT " + GREY_TEXT.encode()))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _request(reader: asyncio.StreamReader) -> dict[str, str]:
    found: dict[str, str] = {}
    while line := (await reader.readline()).decode().strip():
        name, _, value = line.partition("=")
        found[name] = value
    return found


@asynccontextmanager
async def a_postfix(port: int, certificates: Path, greylist_port: int) -> AsyncIterator[Remote]:
    """Postfix, which words its refusals itself around what it is told."""
    access = {step: f"check_recipient_access inline:{{{_table(step)}}}" for step in ("rcpt", "data", "dot")}
    parameters = (
        "virtual_mailbox_domains = static:all",
        "virtual_mailbox_maps = static:all/",
        "transport_maps =",
        "smtpd_tls_received_header = yes",
        f"smtpd_recipient_restrictions = {access['rcpt']}, check_policy_service inet:127.0.0.1:{greylist_port}",
        f"smtpd_data_restrictions = {access['data']}",
        f"smtpd_end_of_data_restrictions = {access['dot']}",
    )
    services = ["tlsmgr unix - - n 1000? 1 tlsmgr"]
    services += [
        f"{address}:{port} inet n - n - - smtpd -o smtpd_tls_security_level={'none' if kind == 'none' else 'may'}"
        f" -o smtpd_tls_chain_files={certificates}/{address}.pem"
        for kind, address in ADDRESSES.items()
    ]
    async with postfix(0, port, parameters=parameters, services=services) as server:
        yield server


@asynccontextmanager
async def an_exim(port: int, certificates: Path, greylist_port: int) -> AsyncIterator[Remote]:
    """Exim, which answers with just the words it is given."""
    interfaces = " ; ".join(f"[{address}]:{port}" for address in ADDRESSES.values())
    main = f"""\
primary_hostname = mx.office.example
local_interfaces = <; {interfaces}
tls_advertise_hosts = ${{if eq{{$received_ip_address}}{{{ADDRESSES["none"]}}}{{}}{{*}}}}
tls_certificate = {certificates}/$received_ip_address.pem
acl_smtp_rcpt = rcpt
acl_smtp_predata = data
acl_smtp_data = dot
"""
    asked = f"{{inet:127.0.0.1:{greylist_port}}}{{sender=$sender_address\\nrecipient=$local_part@$domain\\n\\n}}"
    greylisting = f"""\
  defer
    message = 451 {GREY_TEXT}
    condition = ${{if match{{${{readsocket{asked}}}}}{{DEFER}}}}
"""
    acl = "rcpt:\n" + _denials("rcpt", "$local_part@") + greylisting + "  accept\n"
    acl += "".join(f"{step}:\n" + _denials(step, "$recipients") + "  accept\n" for step in ("data", "dot"))
    async with exim((ADDRESSES["good"], port), main, acl) as server:
        yield server


def _table(step: str) -> str:
    return ", ".join(f"{{{name}@ = {refusal.code} {refusal.text}}}" for name, refusal in _refusals(step).items())


def _denials(step: str, whom: str) -> str:
    return "".join(
        f"""\
  {"defer" if refusal.code < 500 else "deny"}
    message = {refusal.code} {refusal.text}
    condition = ${{if match{{{whom}}}{{^{name}@}}}}
"""
        for name, refusal in _refusals(step).items()
    )


def _refusals(step: str) -> dict[str, Refusal]:
    return {name: refusal for name, refusal in REFUSALS.items() if refusal.step == step}


SERVERS: Mapping[str, Server] = {"Postfix": a_postfix, "Exim": an_exim}
