"""TLS reports over HTTPS (RFC 8460 section 5.4): what is sent, whose word counts, and what a hostile server gains."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from server.app import running
from server.delivery import reporter
from server.delivery.https import Endpoint, Https
from server.delivery.names import Names, is_public
from server.delivery.outcome import Deferred, Sent
from server.delivery.tls_post import post
from server.settings import Settings
from tests.conftest import eventually
from tests.fakes.certificates import FLAWS, issue, serving_context, trusting
from tests.fakes.dns_server import FakeDNSServer, Zone
from tests.fakes.policy_server import Act, PolicyServer, drip, page, stall
from tools import tls_reports
from tools.context import Context

HOST = "reports.example.org"
ZONE: Zone = {HOST: {"A": ["127.0.0.1"]}}
PACKED = gzip.compress(b"{}")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return serving_context(issue(authority, HOST))


def https(names: FakeDNSServer, authority: trustme.CA, seconds: float = 5) -> Https:
    return Https(Names(names.resolver, allowed=lambda address: True), trusting(authority), seconds)


@asynccontextmanager
async def posted(
    answer: bytes | Act, tls: ssl.SSLContext, authority: trustme.CA, seconds: float = 5
) -> AsyncIterator[tuple[Sent | Deferred, PolicyServer]]:
    """What became of a report, and the server it went to."""
    async with FakeDNSServer(ZONE) as names, PolicyServer(answer, tls) as web:
        where = Endpoint(HOST, web.port, b"/v1/tlsrpt?of=us")
        yield await post(https(names, authority, seconds), where, PACKED), web


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content"])
async def test_a_report_is_posted(status: str, authority: trustme.CA, tls: ssl.SSLContext) -> None:
    async with posted(page(b"", status), tls, authority) as (outcome, web):
        assert isinstance(outcome, Sent) and outcome.text == f"HTTP status {status[:3]}"
        head = web.requests[0].lower().split("\r\n")
        assert head[0] == "post /v1/tlsrpt?of=us http/1.1"
        assert {f"host: {HOST}:{web.port}", "content-type: application/tlsrpt+gzip"} <= set(head)
        assert not any(line.startswith(("content-encoding", "authorization", "cookie")) for line in head)
        assert web.bodies == [PACKED]


@pytest.mark.parametrize(
    "answer",
    [
        page(b"", "301 Moved", more=f"Location: http://{HOST}/\r\n"),
        page(b"", "307 Temporary", more=f"Location: https://{HOST}/elsewhere\r\n"),
        page(b"", "404 Not Found"),
        page(b"", "500 Oops"),
        page(b"", "503 Later"),
        b"nonsense\r\n\r\n",
        b"",
    ],
)
async def test_what_is_no_success_is_tried_again(answer: bytes, authority: trustme.CA, tls: ssl.SSLContext) -> None:
    async with posted(answer, tls, authority) as (outcome, web):
        assert isinstance(outcome, Deferred) and outcome.text and outcome.host == HOST
        assert len(web.requests) == 1, "no redirect is followed"


async def flood_of_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n" * 10_000)
        await writer.drain()


@pytest.mark.parametrize("act", [stall, drip, flood_of_headers])
async def test_a_hostile_server_gains_nothing_but_its_time(
    act: Act, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    started = asyncio.get_running_loop().time()
    async with posted(act, tls, authority, seconds=0.3) as (outcome, _):
        assert isinstance(outcome, Deferred)
    assert asyncio.get_running_loop().time() - started < 3


async def test_an_endless_body_is_not_read(authority: trustme.CA, tls: ssl.SSLContext) -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(1 << 16))
            await writer.drain()

    async with posted(flood, tls, authority) as (outcome, _):
        assert isinstance(outcome, Sent)


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_server_that_is_not_the_named_one_gets_nothing(flaw: str, authority: trustme.CA) -> None:
    issued = FLAWS[flaw](authority, HOST)
    async with posted(page(b""), serving_context(issued), authority) as (outcome, web):
        assert isinstance(outcome, Deferred) and "certificate" in outcome.text.lower()
        assert web.requests == []


async def test_no_inner_host_is_asked(authority: trustme.CA, tls: ssl.SSLContext) -> None:
    """Neither by a name that leads there, nor by its number."""
    async with FakeDNSServer(ZONE) as names, PolicyServer(page(b""), tls) as web:
        guarded = Https(Names(names.resolver, allowed=is_public), ssl.create_default_context(), 5)
        for host in (HOST, "127.0.0.1", "::1", "localhost"):
            outcome = await post(guarded, Endpoint(host, web.port, b"/"), PACKED)
            assert isinstance(outcome, Deferred), host
        assert web.requests == []


async def test_the_next_address_is_asked_where_one_is_not_there(authority: trustme.CA, tls: ssl.SSLContext) -> None:
    async with (
        FakeDNSServer({HOST: {"A": ["127.0.0.2", "127.0.0.1"]}}) as names,
        PolicyServer(page(b""), tls) as web,
    ):
        outcome = await post(https(names, authority), Endpoint(HOST, web.port, b"/"), PACKED)
        assert isinstance(outcome, Sent)


@pytest.fixture
def hasty(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that trusts the test's authority, and reports at once."""
    trusted = tmp_path / "authorities.pem"
    trusted.write_bytes(authority.cert_pem.bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    for name in ("SETTLE", "SPREAD", "RETRY"):
        monkeypatch.setattr(tls_reports, name, 0)
    monkeypatch.setattr(reporter, "EVERY_SECONDS", 0.02)


@asynccontextmanager
async def reporting(folder: Path, web: PolicyServer) -> AsyncIterator[Context]:
    """A whole server whose mail went to a domain that wants its reports over HTTPS."""
    record = f'"v=TLSRPTv1; rua=https://{HOST}:{web.port}/in"'
    async with FakeDNSServer({**ZONE, "_smtp._tls.example.org": {"TXT": [record]}}) as names:
        settings = Settings.load(
            data=folder,
            http_port=0,
            smtp_port=0,
            route="direct",
            direct_private=True,
            resolver=f"127.0.0.1:{names.port}",
            tls_reports_from="postmaster@agents.example",
        )
        async with running(settings) as server:
            yield server.context


@pytest.mark.usefixtures("hasty")
async def test_a_whole_server_posts_a_report_until_it_is_taken(tls: ssl.SSLContext, tmp_path: Path) -> None:
    policy: dict[str, object] = {"type": "no-policy-found", "strings": [], "mx": []}
    async with PolicyServer(page(b"", "503 Later"), tls) as web, reporting(tmp_path, web) as context:
        day = (datetime.fromtimestamp(context.now() / 1_000_000, UTC).date() - timedelta(days=1)).isoformat()
        await tls_reports.keep(context, [tls_reports.session(day, "example.org", policy, "mx.example.org", "", 7)])
        await eventually(lambda: len(web.bodies) > 1)
        web.answer = page(b"", "201 Created")

        async def became() -> list[tuple[str, str]]:
            rows = await context.db.rows("tls_reports", day=day)
            return [(row["state"], row["reply"]) for row in rows if row["state"] == "sent"]

        await eventually(became)
        assert await became() == [("sent", "HTTP status 201")]
    reports: list[dict[str, Any]] = [json.loads(gzip.decompress(body)) for body in web.bodies]
    assert reports[0]["policies"][0]["summary"]["total-successful-session-count"] == 7
    assert len({each["report-id"] for each in reports}) == 1
