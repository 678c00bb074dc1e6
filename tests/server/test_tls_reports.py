"""TLS reports on their way (RFC 8460): where they go, what the mail is, and that each is sent once."""

import gzip
import json
import sqlite3
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any, get_args

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from server.app import running
from server.delivery import reporter as reporter_module
from server.delivery.https import Endpoint, Https
from server.delivery.names import Names
from server.delivery.reporter import Reporter
from server.delivery.security import Policy
from server.delivery.tls_mail import Cover, write
from server.delivery.tls_report import Result, Row, TlsCounts, report
from server.delivery.tls_rua import MOST_PLACES, report_places
from server.domains import new_signing_keys, published
from server.settings import Settings
from storage.errors import Unavailable
from storage.records import Account
from tests.conftest import START, Clock, eventually
from tests.fakes.couriers import courier
from tests.fakes.dns_server import FakeDNSServer, Zone
from tests.fakes.signing import at_work, signers_of
from tests.fakes.smtp_server import Act, FakeSMTPServer, Script
from tools import tls_reports
from tools.accounts import create_account
from tools.context import DAY, HOUR, Context

DOMAIN = "example.org"
TODAY = date(2026, 1, 1)
SENDER = "postmaster@agents.example"
NONE = Policy("no-policy-found", DOMAIN)
STS = Policy("sts", DOMAIN, ("version: STSv1", "mode: enforce"), ("*.example.org",))
WANTED: Zone = {f"_smtp._tls.{DOMAIN}": {"TXT": ['"v=TLSRPTv1; rua=mailto:" "tls@example.net"']}}
on_sqlite = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


# where they go


@pytest.mark.parametrize(
    ("records", "found"),
    [
        (["v=TLSRPTv1; rua=mailto:a@example.org"], ("a@example.org",)),
        (["v=TLSRPTv1;rua=mailto:a@example.org;"], ("a@example.org",)),
        (["v=TLSRPTv1 ; x=1; rua = mailto:a@example.org , MAILTO:b@example.org"], ("a@example.org", "b@example.org")),
        (
            ["v=TLSRPTv1; rua=https://example.org/,mailto:a@example.org"],
            (Endpoint("example.org", 443, b"/"), "a@example.org"),
        ),
        (["v=TLSRPTv1; rua=HTTPS://t.example:8443/v1?a=b%2Cc#d"], (Endpoint("t.example", 8443, b"/v1?a=b%2Cc"),)),
        (["v=TLSRPTv1; rua=mailto:a%2Bb@example.org?subject=x"], ("a+b@example.org",)),
        (["v=spf1 -all", "v=TLSRPTv1; rua=mailto:a@example.org"], ("a@example.org",)),
        (["v=TLSRPTv1; rua=mailto:a@example.org", "v=TLSRPTv1; rua=mailto:b@example.org"], ()),
        (["v=TLSRPTv2; rua=mailto:a@example.org"], ()),
        (["v=TLSRPTv1"], ()),
        (["v=TLSRPTv1; rua="], ()),
        (["v=TLSRPTv1; rua=mailto:a@example.org%0d%0aRCPT"], ()),
        (["v=TLSRPTv1; rua=http://example.org/,ftp://example.org/,https:///x,https:"], ()),
        (["v=TLSRPTv1; rua=https://user:secret@example.org/"], ()),
        (["v=TLSRPTv1; rua=https://example.org:99999/"], ()),
        (["v=TLSRPTv1; rua=https://example.org/" + "x" * 4_000], ()),
        ([], ()),
    ],
)
def test_where_a_domain_wants_its_reports(records: list[str], found: tuple[str | Endpoint, ...]) -> None:
    assert report_places(records) == found


ODD = st.text(max_size=200) | st.text("v=TLSRPT1;ruamilto:@, %", max_size=200)
WEB = (st.text(max_size=200) | st.text("a0.:/[]@?#%\\\u00e4-_", max_size=40)).map("rua=https://".__add__)


@given(st.lists(ODD | (ODD | WEB).map("v=TLSRPTv1;".__add__), max_size=5))
def test_no_record_is_too_odd(records: list[str]) -> None:
    found = report_places(records)
    assert len(found) <= MOST_PLACES
    for place in found:
        name = place.host if isinstance(place, Endpoint) else place
        assert name and name.isprintable() and " " not in name
        assert isinstance(place, str) or (0 < place.port < 65_536 and place.target.startswith(b"/"))


# what the mail is


def read(raw: bytes) -> tuple[Message, Message, dict[str, Any]]:
    """A report's mail, its part with the file, and what is in that."""
    mail = message_from_bytes(raw)
    parts = mail.get_payload()
    assert isinstance(parts, list)
    _, file = parts
    assert isinstance(file, Message)
    packed = file.get_payload(decode=True)
    assert isinstance(packed, bytes)
    told: dict[str, Any] = json.loads(gzip.decompress(packed))
    return mail, file, told


def test_the_mail_is_as_the_standard_has_it() -> None:
    cover = Cover(SENDER, "tls@example.net", DOMAIN, TODAY, "tls_1@agents.example")
    raw = write(cover, {})
    mail, file, _ = read(raw)
    assert mail.get_content_type() == "multipart/report" and mail.get_param("report-type") == "tlsrpt"
    assert (mail["TLS-Report-Domain"], mail["TLS-Report-Submitter"]) == (DOMAIN, "agents.example")
    assert mail["Subject"] == "Report Domain: example.org Submitter: agents.example Report-ID: <tls_1@agents.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert file.get_content_type() == "application/tlsrpt+gzip"
    assert file.get_filename() == "agents.example!example.org!1767225600!1767311999!tls_1.json.gz"
    assert raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n")


def test_the_longest_names_fit() -> None:
    label = "a" * 63
    long = ".".join([label] * 3 + ["a" * 61])
    report_id = f"tls_{'0' * 26}@{long}"
    mail, file, _ = read(write(Cover(f"postmaster@{long}", f"tls@{long}", long, TODAY, report_id), {}))
    assert file.get_filename() == f"{long}!{long}!1767225600!1767311999!tls_{'0' * 26}.json.gz"
    assert max(map(len, str(mail).splitlines())) < 998


results = st.none() | st.sampled_from(get_args(Result))
policies = st.sampled_from([NONE, STS, Policy("tlsa", DOMAIN, ("3 1 1 00",), ("mx.example.org",))])
rows = st.builds(Row, st.just(TODAY), policies, st.sampled_from(["", "a.example.org", "b.example.org"]), results)


@given(st.dictionaries(rows, st.integers(1, 10**6), max_size=40))
def test_the_sums_match_what_was_counted(counted: dict[Row, int]) -> None:
    whole = report(counted, domain=DOMAIN, day=TODAY, organization="o", contact=SENDER, report_id="1")
    _, _, told = read(write(Cover(SENDER, "tls@example.net", DOMAIN, TODAY, "tls_1@agents.example"), whole))
    summaries = [each["summary"] for each in told["policies"]]
    good = sum(number for row, number in counted.items() if row.result is None)
    assert sum(each["total-successful-session-count"] for each in summaries) == good
    assert sum(each["total-failure-session-count"] for each in summaries) == sum(counted.values()) - good
    for each in told["policies"]:
        details = sum(detail["failed-session-count"] for detail in each["failure-details"])
        assert details == each["summary"]["total-failure-session-count"]
    assert len(told["policies"]) == len({row.policy for row in counted})


# that each is sent once


@asynccontextmanager
async def reporting(
    context: Context, counts: TlsCounts, zone: Zone, *servers: FakeSMTPServer
) -> AsyncIterator[FakeDNSServer]:
    async with FakeDNSServer(zone) as names:
        carrier = courier(*servers)
        look_ups = Names(names.resolver)
        https = Https(look_ups, ssl.create_default_context(), 5)
        reporter = Reporter(context, counts, look_ups, carrier, https, signers_of(context), SENDER)
        try:
            async with at_work(reporter.run()):
                yield names
        finally:
            await carrier.close()


def counting(clock: Clock) -> TlsCounts:
    counts = TlsCounts(clock)
    counts.count(NONE, "mx.example.org", None)
    counts.count(NONE, "mx.example.org", "certificate-expired")
    return counts


async def settled(context: Context) -> list[tuple[str, str]]:
    """The state of each report, and the reason."""
    rows = await context.db.rows("tls_reports", day=TODAY.isoformat())
    return [(row["state"], row["reply"]) for row in rows if row["state"] not in ("queued", "sending")]


async def both_settled(context: Context) -> bool:
    return [state for state, _ in await settled(context)] == ["sent", "unwanted"]


@pytest.fixture
async def account(context: Context) -> Account:
    return await create_account(context, "agents.example", "boss@example.org", new_signing_keys(context))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter_module, "EVERY_SECONDS", 0.02)


async def test_a_days_report_is_mailed_once_and_signed(context: Context, clock: Clock, account: Account) -> None:
    counts = counting(clock)
    async with FakeSMTPServer() as server:
        async with reporting(context, counts, WANTED, server):
            await eventually(lambda: not counts.rows())
            assert server.messages == [], "the day is not over"
            clock.at = START + DAY + 6 * HOUR
            await eventually(lambda: settled(context))
        # another process of the site, or this one after a restart, with more to tell of that day
        more = counting(Clock(START))
        more.count(Policy("no-policy-found", "silent.example"), "mx.silent.example", None)
        async with reporting(context, more, WANTED, server):
            await eventually(lambda: not more.rows())
            clock.at += DAY
            await eventually(lambda: both_settled(context))
        assert [command.split()[1] for command in server.sessions[0].commands if "MAIL" in command] == ["FROM:<>"]
        (raw,) = server.messages
    mail, _, told = read(raw)
    assert (mail["From"], mail["To"]) == (SENDER, "tls@example.net") and mail["Date"]
    assert told["report-id"] == str(mail["Message-ID"]).strip("<>")
    (policy,) = told["policies"]
    assert policy["summary"] == {"total-successful-session-count": 1, "total-failure-session-count": 1}
    zones = await published(context, account.id, "mail.agents.example")
    texts = {f"{record.name}.".encode(): record.value.encode() for zone in zones for record in zone.records}
    for index in (0, 1):
        assert dkim.DKIM(raw).verify(idx=index, dnsfunc=lambda name, timeout=5: texts.get(name))


@on_sqlite
@pytest.mark.parametrize(
    ("zone", "script", "state"),
    [
        ({}, {}, "unwanted"),
        ({f"_smtp._tls.{DOMAIN}": {"TXT": ['"v=TLSRPTv1; rua=http://example.org/"']}}, {}, "unwanted"),
        (WANTED, {"RCPT": "550 5.1.1 nobody"}, "failed"),
        (WANTED, {"CONTENT": "451 4.7.1 later"}, "failed"),
        ({f"_smtp._tls.{DOMAIN}": None}, {}, "failed"),
    ],
)
async def test_what_becomes_of_a_report_that_nobody_takes(
    context: Context, clock: Clock, account: Account, zone: Zone, script: Script, state: str
) -> None:
    counts = counting(clock)
    async with FakeSMTPServer(script) as server, reporting(context, counts, zone, server):
        await eventually(lambda: not counts.rows())
        clock.at = START + DAY + 6 * HOUR

        async def in_time() -> bool:
            clock.at += HOUR
            return bool(await settled(context))

        await eventually(in_time)
    assert [each for each, _ in await settled(context)] == [state]


@on_sqlite
async def test_the_next_address_is_tried_where_one_takes_nothing(
    context: Context, clock: Clock, account: Account
) -> None:
    zone = {f"_smtp._tls.{DOMAIN}": {"TXT": ['"v=TLSRPTv1; rua=mailto:a@example.net,mailto:b@example.net"']}}
    counts = counting(clock)
    async with FakeSMTPServer({"RCPT": ["550 nobody", "250 ok"]}) as server, reporting(context, counts, zone, server):
        await eventually(lambda: not counts.rows())
        clock.at = START + DAY + 6 * HOUR
        await eventually(lambda: settled(context))
        assert [state for state, _ in await settled(context)] == ["sent"]
        assert [message_from_bytes(raw)["To"] for raw in server.messages] == ["b@example.net"]


async def test_a_stop_gives_back_what_nobody_has(context: Context, clock: Clock, account: Account) -> None:
    counts = counting(clock)
    async with FakeSMTPServer({"RCPT": [Act.STALL, "250 ok"]}) as server:
        async with reporting(context, counts, WANTED, server):
            await eventually(lambda: not counts.rows())
            clock.at = START + DAY + 6 * HOUR
            await eventually(lambda: any("RCPT" in session.verbs for session in server.sessions))
        (report,) = await context.db.rows("tls_reports", day=TODAY.isoformat())
        assert (report["state"], report["attempts"]) == ("queued", 1)
        clock.at += HOUR
        async with reporting(context, counts, WANTED, server):
            await eventually(lambda: settled(context))
        assert [state for state, _ in await settled(context)] == ["sent"] and len(server.messages) == 1


@on_sqlite
async def test_what_was_counted_outlives_a_database_that_is_away(
    context: Context, clock: Clock, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = counting(clock)

    async def away(*_: object) -> None:
        raise Unavailable("not now")

    with monkeypatch.context() as patched, capture_logs() as logged:
        patched.setattr(tls_reports, "keep", away)
        async with reporting(context, counts, {}):
            await eventually(lambda: logged)
    assert sum(counts.rows().values()) == 2


async def test_a_whole_server_reports_in_spite_of_broken_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_reports, "SETTLE", 0)
    monkeypatch.setattr(tls_reports, "SPREAD", 0)
    zone: Zone = {**WANTED, "example.net": {"MX": ["10 mx.example.net."]}, "mx.example.net": {"A": ["127.0.0.1"]}}
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate every handshake fails
    async with FakeDNSServer(zone) as names, FakeSMTPServer(tls=tls) as remote:
        settings = Settings.load(
            data=tmp_path,
            http_port=0,
            smtp_port=0,
            route="direct",
            direct_private=True,
            direct_port=remote.port,
            resolver=f"127.0.0.1:{names.port}",
            tls_reports_from=SENDER,
        )
        async with running(settings) as server:
            await create_account(server.context, "agents.example", "boss@example.org", new_signing_keys(server.context))
            yesterday = datetime.fromtimestamp(server.context.now() / 1_000_000, UTC).date() - timedelta(days=1)
            policy: dict[str, object] = {"type": "no-policy-found", "strings": [], "mx": []}
            counted = tls_reports.session(yesterday.isoformat(), DOMAIN, policy, "mx.example.org", "", 7)
            await tls_reports.keep(server.context, [counted])
            await eventually(lambda: remote.messages)
            _, _, told = read(remote.messages[0])
            assert told["policies"][0]["summary"]["total-successful-session-count"] == 7
            assert not remote.sessions[-1].encrypted
    with closing(sqlite3.connect(tmp_path / "gatepost.db")) as database:
        kept = database.execute("SELECT domain, sessions FROM tls_session").fetchall()
    assert kept == [(DOMAIN, 7)], "the session of the report itself is not counted"
