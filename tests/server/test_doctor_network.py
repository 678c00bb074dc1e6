"""What the doctor hears from others: the DNS, the smart host, the scanner, and whoever has our ports."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from server.app import running
from server.delivery.names import Names
from server.doctor import neighbours, ports
from server.doctor.examination import examine_network
from server.doctor.finding import Finding
from server.doctor.names import examine_names
from server.doctor.neighbours import examine_neighbours
from server.doctor.ports import examine_ports
from server.domains import Zone
from server.settings import Settings
from server.zone import records
from tests.fakes.dns_server import FakeDNSServer
from tests.fakes.dns_server import Zone as Answers

HOST = "mx.a.example"
PTR = "1.2.0.192.in-addr.arpa"
KEYS = ("v=DKIM1; k=rsa; p=AAAA", "v=DKIM1; k=ed25519; p=BBBB")
ZONES = [Zone("a.example", records("a.example", HOST, "gp", KEYS))]
GOOD: Answers = {
    ".": {"NS": ["a.root-servers.example."]},
    "a.example": {"MX": [f"10 {HOST}."], "TXT": ['"v=spf1 mx -all"']},
    "gpr._domainkey.a.example": {"TXT": [f'"{KEYS[0]}"']},
    "gpe._domainkey.a.example": {"TXT": [f'"{KEYS[1]}"']},
    "_dmarc.a.example": {"TXT": ['"v=DMARC1; p=reject"']},
    HOST: {"A": ["192.0.2.1"]},
    PTR: {"PTR": [f"{HOST}."]},
}


async def heard(changes: Answers, **settings: Any) -> list[Finding]:
    """What the names are found to say, where the zone has these changes."""
    async with FakeDNSServer({**GOOD, **changes}, secure=settings.pop("secure", [])) as server:
        chosen = {"route": "direct", "hostname": HOST, "resolver": f"127.0.0.1:{server.port}"}
        return await examine_names(Settings(**{**chosen, **settings}), ZONES)


def wrong(findings: list[Finding]) -> list[str]:
    """Those that are not in order, in words."""
    assert all(each.fix for each in findings if each.level != "ok")
    return [f"{each.level} {each.what}" for each in findings if each.level != "ok"]


async def test_names_in_order() -> None:
    found = await heard({})
    assert wrong(found) == []
    assert [each.what for each in found][1:] == [
        "PTR 192.0.2.1",
        "MX a.example",
        "TXT a.example",
        "TXT gpr._domainkey.a.example",
        "TXT gpe._domainkey.a.example",
        "TXT _dmarc.a.example",
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({PTR: dns.rcode.NXDOMAIN}, "fail PTR 192.0.2.1: is not there"),
        (
            {PTR: {"PTR": ["x.isp.example."]}},
            f"fail PTR 192.0.2.1: points to x.isp.example and not to {HOST}",
        ),
        ({PTR: dns.rcode.SERVFAIL}, "warn PTR 192.0.2.1: DNS did not answer"),
        ({HOST: dns.rcode.NXDOMAIN}, "fail A/AAAA mx.a.example: is not there"),
        ({HOST: dns.rcode.SERVFAIL}, "warn A/AAAA mx.a.example: DNS did not answer"),
        (
            {"a.example": {"MX": [f"10 {HOST}."], "TXT": ['"v=spf1 ip4:198.51.100.7 -all"']}},
            "fail SPF of a.example: says fail to 192.0.2.1, from which this server sends",
        ),
    ],
)
async def test_who_this_server_is_by_the_dns(changes: Answers, told: str) -> None:
    assert wrong(await heard(changes)) == [told]


async def test_nobody_judges_the_address_of_who_sends_through_a_smart_host() -> None:
    (told,) = wrong(await heard({PTR: dns.rcode.NXDOMAIN}, route="relay", relay_host="smtp.example.org"))
    assert told == "warn SPF of a.example: names our MX alone, and mail leaves through smtp.example.org"
    theirs = {"a.example": {"MX": [f"10 {HOST}."], "TXT": ['"v=spf1 mx include:example.org -all"']}}
    assert wrong(await heard(theirs, route="relay", relay_host="smtp.example.org")) == []


async def test_a_resolver_that_shall_validate() -> None:
    assert wrong(await heard({}, resolver_trusted=True, secure=["."])) == []
    (told,) = wrong(await heard({}, resolver_trusted=True))
    assert told.startswith("warn resolver 127.0.0.1:") and "does not validate DNSSEC" in told


async def test_a_silent_resolver_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeDNSServer({".": None}) as server:
        names = Names(server.resolver)
        monkeypatch.setattr("server.doctor.names.names_of", lambda *_, **__: names)
        (told,) = wrong(await examine_names(Settings(resolver=f"127.0.0.1:{server.port}"), ZONES))
    assert told.endswith("does not answer") and told.startswith("fail")


async def test_a_machine_without_a_resolver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dns.resolver.BaseResolver.read_resolv_conf", _none_named)
    for route, level in (("capture", "warn"), ("direct", "fail")):
        (told,) = wrong(await examine_names(Settings.load(None, data=tmp_path, route=route), ZONES))
        assert told == f"{level} resolver: this machine names none, so arriving mail is not verified"


def _none_named(*_: object) -> None:
    raise dns.resolver.NoResolverConfiguration


@asynccontextmanager
async def speaking(said: bytes) -> AsyncIterator[int]:
    """The port of a program that says this to whoever comes, and then waits; HTTP it says when it is asked."""

    ended = asyncio.Semaphore(0)
    begun = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal begun
        begun += 1
        with suppress(ConnectionError):
            if said.startswith(b"HTTP/"):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(said)
            else:
                writer.write(said)
                await reader.read()
        writer.close()
        ended.release()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server, asyncio.timeout(30):
        yield server.sockets[0].getsockname()[1]
        for _ in range(begun):
            await ended.acquire()


@pytest.mark.parametrize(
    ("part", "said", "level"),
    [
        ("smtp", b"220 mail.a.example ESMTP Postfix\r\n", "fail"),
        ("smtp", b"220 mx.a.example ESMTP Gatepost\r\n", "ok"),
        ("smtp", b"421 4.3.2 Too many connections\r\n", "ok"),
        ("submission", b"220 mail.a.example ESMTP Exim\r\n", "fail"),
        ("submission", b"220 mx.a.example ESMTP Gatepost submission\r\n", "ok"),
        ("http", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "fail"),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n<html>", "fail"),
        ("http", b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "ok"),
        ("http", b'HTTP/1.1 200 OK\r\n\r\n{"status":"ok"}', "ok"),
        ("http", b"", "ok"),
    ],
)
async def test_who_has_the_port(part: str, said: bytes, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # who is silent is waited for to the end
    monkeypatch.setattr(ports, "SECONDS", 30.0 if said else 0.3)
    chosen: dict[str, Any] = {"http_port": 0, "smtp_port": 0, "submission_plain": True}
    async with speaking(said) as port:
        found = await examine_ports(Settings(**{**chosen, f"{part}_port": port}))
    (mine,) = [each for each in found if f":{port} " in each.what]
    assert mine.level == level
    assert (mine.what.endswith("is served")) == (level == "ok")


async def test_our_own_ports_are_known(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, http_port=0, smtp_port=0, submission_port=0, submission_plain=True)
    async with running(settings) as server:
        chosen = {"http_port": server.http_port, "smtp_port": server.smtp_port}
        found = await examine_ports(settings.model_copy(update={**chosen, "submission_port": server.submission_port}))
    assert [each.what.partition(" ")[0] for each in found] == ["HTTP", "SMTP", "submission"]
    assert all(each.what.endswith("is served") for each in found)


async def test_only_the_ports_of_the_roles_are_looked_at() -> None:
    found = await examine_ports(Settings(database_url="postgresql://a@b/c", roles=("web",), http_port=0))
    assert [each.what.partition(" ")[0] for each in found] == ["HTTP"]


async def test_smart_host_and_scanner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()[1]
    async with speaking(b"") as port:
        for there, levels in ((port, ["ok", "ok"]), (closed, ["fail", "fail"])):
            relay: dict[str, Any] = {"route": "relay", "relay_host": "127.0.0.1", "relay_port": there}
            for spam in ({"spamd": f"127.0.0.1:{there}"}, {"rspamd_url": f"http://127.0.0.1:{there}"}):
                found = await examine_neighbours(Settings.load(None, data=tmp_path, **relay, spam=spam))
                assert [each.level for each in found] == levels
    assert await examine_neighbours(Settings()) == []
    monkeypatch.setattr(neighbours, "SECONDS", 0.0)
    (late,) = await examine_neighbours(Settings.load(None, data=tmp_path, spam={"spamd": f"127.0.0.1:{closed}"}))
    assert late.level == "fail" and late.fix


async def test_all_of_it_together() -> None:
    async with FakeDNSServer(GOOD) as server:
        settings = Settings(route="direct", hostname=HOST, resolver=f"127.0.0.1:{server.port}")
        assert wrong(await examine_network(settings, ZONES)) == []
