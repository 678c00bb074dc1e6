"""MTA-STS (RFC 8461): the record, the policy, its fetch, and how long it is kept."""

import asyncio
import json
import ssl
import sys
from pathlib import Path

import dns.name
import pytest
import trustme
from dns.rcode import SERVFAIL
from hypothesis import given
from hypothesis import strategies as st

from server.delivery.mta_sts import MAX_AGE, MAX_MX, PolicyError, StsPolicy, read_policy, read_record
from server.delivery.names import Names, absolute, is_public
from server.delivery.sts_fetch import LIMIT, FetchError, PolicyFetcher
from server.delivery.sts_policies import AGAIN, MAX_DOMAINS, REFRESH, SECOND, Kept, PolicyFile, StsPolicies
from server.delivery.tls_report import Result, TlsCounts
from tests.fakes.certificates import FLAWS, issue, serving_context, trusting
from tests.fakes.couriers import Clock
from tests.fakes.dns_server import FakeDNSServer, Zone
from tests.fakes.policy_server import Act, PolicyServer, drip, page, policy, stall

DOMAIN = "example.org"
ZONE: Zone = {"mta-sts.example.org": {"A": ["127.0.0.1"]}, "_mta-sts.example.org": {"TXT": ['"v=STSv1; id=1;"']}}
ENFORCE = StsPolicy("enforce", ("mx.example.org",), 1000)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


# ---- the record and the policy


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=1"], "1"),
        (["v=STSv1 ; more=x; id=1 ; other=y"], "1"),
        (["v=spf1 -all", "v=STSv1; id=1"], "1"),
        ([], None),
        (["v=STSv1; id=1", "v=STSv1; id=2"], None),
        (["v=STSv2; id=1"], None),
        (["v=STSv1; id="], None),
        (["v=STSv1; id=a-b"], None),
        (["v=STSv1; id=" + "1" * 33], None),
        (["id=1; v=STSv1"], None),
        (["v=STSv1"], None),
    ],
)
def test_the_id_of_a_record(texts: list[str], found: str | None) -> None:
    assert read_record(texts) == found


def test_a_policy_is_read() -> None:
    text = "version: STSv1\r\nmode: enforce\nmx: Mail.Example.com.\r\nmx: *.example.net\nmax_age:604800\r\nnew: x\r\n"
    read = read_policy(text)
    assert read == StsPolicy("enforce", ("mail.example.com", "*.example.net"), 604800)
    assert read_policy("\n".join(read.lines())) == read


def test_the_first_of_two_fields_counts() -> None:
    assert read_policy("version: STSv1\nmode: none\nmode: enforce\nmax_age: 1\nmax_age: 2") == StsPolicy("none", (), 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: STSv2\nmode: none\nmax_age: 1",
        "version: STSv1\nmode: strict\nmx: a.example\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: a.example",
        "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1",
        "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 99999999999",
        "version: STSv1\nmode: enforce\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: a b.example\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmax_age: 1\n" + "mx: a.example\n" * (MAX_MX + 1),
    ],
)
def test_a_policy_that_cannot_be_used(text: str) -> None:
    with pytest.raises(PolicyError):
        read_policy(text)


def test_a_policy_lasts_a_year_at_most() -> None:
    assert read_policy("version: STSv1\nmode: none\nmax_age: 9999999999").max_age == MAX_AGE


@given(
    st.text()
    | st.lists(st.sampled_from(["version: STSv1", "mode: testing", "mx: *.a.example", "max_age: 5", ":"])).map(
        "\n".join
    )
)
def test_any_text_is_a_policy_or_none(text: str) -> None:
    try:
        read = read_policy(text)
    except PolicyError:
        return
    assert read_policy("\n".join(read.lines())) == read


@pytest.mark.parametrize(
    ("host", "listed"),
    [
        ("mx.example.org", True),
        ("MX.Example.ORG.", True),
        ("a.example.net", True),
        ("b.a.example.net", False),
        ("example.net", False),
        ("mx.example.org.evil.test", False),
        ("evil-mx.example.org", False),
        ("", False),
    ],
)
def test_which_hosts_a_policy_lists(host: str, listed: bool) -> None:
    assert StsPolicy("enforce", ("mx.example.org", "*.example.net"), 1).lists(host) == listed


# ---- the fetch


async def fetch(answer: bytes | Act, tls: ssl.SSLContext, authority: trustme.CA, *, seconds: float = 5) -> StsPolicy:
    async with FakeDNSServer(ZONE) as server, PolicyServer(answer, tls) as web:
        names = Names(server.resolver, allowed=lambda address: True)
        found = await PolicyFetcher(names, trusting(authority), port=web.port, seconds=seconds).fetch(absolute(DOMAIN))
        assert web.requests[0].startswith("GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
        assert f"\r\nhost: mta-sts.example.org:{web.port}\r\n" in web.requests[0].lower()
    return found


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return serving_context(issue(authority, "mta-sts.example.org"))


async def test_a_policy_is_fetched(authority: trustme.CA, tls: ssl.SSLContext) -> None:
    found = await fetch(policy("testing", "mx.example.org"), tls, authority)
    assert found == StsPolicy("testing", ("mx.example.org",), 86400)


GOOD = policy("enforce", "mx.example.org").partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (page(GOOD, "301 Moved", more="Location: https://mta-sts.example.org/\r\n"), "sts-policy-fetch-error"),
        (page(GOOD, "404 Not Found"), "sts-policy-fetch-error"),
        (page(GOOD, "500 Oops"), "sts-policy-fetch-error"),
        (page(GOOD, kind="text/html"), "sts-policy-fetch-error"),
        (b"nonsense\r\n\r\n", "sts-policy-fetch-error"),
        (b"", "sts-policy-fetch-error"),
        (page(GOOD)[:-5], "sts-policy-fetch-error"),
        (page(GOOD + b"x" * LIMIT), "sts-policy-invalid"),
        (page(b"\xff" + GOOD), "sts-policy-invalid"),
        (page("mode: enforce"), "sts-policy-invalid"),
    ],
)
async def test_what_is_no_policy(answer: bytes, result: Result, authority: trustme.CA, tls: ssl.SSLContext) -> None:
    with pytest.raises(FetchError) as error:
        await fetch(answer, tls, authority)
    assert error.value.result == result


async def flood(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        writer.write(b"mx: a.example\r\n" * 1000)
        await writer.drain()


@pytest.mark.parametrize("act", [stall, drip, flood])
async def test_a_hostile_server_gains_nothing_but_its_time(
    act: Act, authority: trustme.CA, tls: ssl.SSLContext
) -> None:
    started = asyncio.get_running_loop().time()
    with pytest.raises(FetchError):
        await fetch(act, tls, authority, seconds=0.3)
    assert asyncio.get_running_loop().time() - started < 3


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_bad_certificate_is_no_policy(flaw: str, authority: trustme.CA) -> None:
    issued = FLAWS[flaw](authority, "mta-sts.example.org")
    with pytest.raises(FetchError) as error:
        await fetch(policy("none"), serving_context(issued), authority)
    assert error.value.result == "sts-webpki-invalid"


async def test_no_inner_host_is_asked(authority: trustme.CA, tls: ssl.SSLContext) -> None:
    async with FakeDNSServer(ZONE) as server, PolicyServer(policy("none"), tls) as web:
        names = Names(server.resolver, allowed=is_public)
        with pytest.raises(FetchError, match="no address"):
            await PolicyFetcher(names, ssl.create_default_context(), port=web.port).fetch(absolute(DOMAIN))
        assert web.requests == []


# ---- what is kept


class Fetcher:
    """Whatever the test says, and how often it was asked."""

    def __init__(self, answer: StsPolicy | FetchError) -> None:
        self.answer = answer
        self.asked = 0

    async def fetch(self, domain: dns.name.Name) -> StsPolicy:
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self.answer, FetchError):
            raise self.answer
        return self.answer


class Shelf:
    """Policies over a DNS server, a fetcher and a file that the test holds."""

    def __init__(self, server: FakeDNSServer, folder: Path, answer: StsPolicy | FetchError = ENFORCE) -> None:
        self.server = server
        self.clock = Clock()
        self.fetcher = Fetcher(answer)
        self.counts = TlsCounts(self.clock)
        self.path = folder / "mta-sts.json"
        self.restart()

    def restart(self) -> None:
        names = Names(self.server.resolver)
        self.policies = StsPolicies(names, self.fetcher, PolicyFile(self.path), clock=self.clock, counts=self.counts)

    async def of(self, domain: str = DOMAIN) -> StsPolicy | None:
        return await self.policies.of(absolute(domain))

    def announce(self, text: str | None) -> None:
        self.server.zone = {"_mta-sts.example.org": {"TXT": [f'"{text}"']}} if text else {}


async def test_a_policy_is_fetched_once_for_all_who_ask(tmp_path: Path) -> None:
    async with FakeDNSServer(ZONE) as server:
        shelf = Shelf(server, tmp_path)
        assert set(await asyncio.gather(*(shelf.of() for _ in range(10)))) == {ENFORCE}
        assert shelf.fetcher.asked == 1


async def test_a_new_id_is_a_new_policy(tmp_path: Path) -> None:
    async with FakeDNSServer(ZONE) as server:
        shelf = Shelf(server, tmp_path)
        await shelf.of()
        shelf.fetcher.answer = StsPolicy("testing", ("mx.example.org",), 1000)
        assert await shelf.of() == ENFORCE
        shelf.announce("v=STSv1; id=2;")
        assert await shelf.of() == shelf.fetcher.answer


@pytest.mark.parametrize("trouble", ["no record", "DNS fails", "the fetch fails"])
async def test_what_is_kept_stays_in_force_to_its_end(tmp_path: Path, trouble: str) -> None:
    async with FakeDNSServer(ZONE) as server:
        shelf = Shelf(server, tmp_path)
        await shelf.of()
        if trouble == "the fetch fails":
            shelf.fetcher.answer = FetchError("sts-policy-fetch-error", "gone")
            shelf.announce("v=STSv1; id=2;")
        else:
            server.zone = {} if trouble == "no record" else {"_mta-sts.example.org": SERVFAIL}
        shelf.clock.now += 999 * SECOND
        shelf.restart()
        assert await shelf.of() == ENFORCE
        shelf.clock.now += SECOND
        assert await shelf.of() is None


async def test_a_restart_forgets_no_policy(tmp_path: Path) -> None:
    async with FakeDNSServer(ZONE) as server:
        shelf = Shelf(server, tmp_path)
        await shelf.of()
        shelf.restart()
        assert await shelf.of() == ENFORCE
        assert shelf.fetcher.asked == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mta-sts.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 1}', b"\xff", b'{"a": {"id": "1"}}'])
async def test_a_damaged_file_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mta-sts.json").write_bytes(content)
    async with FakeDNSServer(ZONE) as server:
        shelf = Shelf(server, tmp_path)
        assert await shelf.of() == ENFORCE
    assert list(json.loads((tmp_path / "mta-sts.json").read_bytes())) == [DOMAIN]


async def test_a_policy_that_cannot_be_saved_is_followed_all_the_same(tmp_path: Path) -> None:
    async with FakeDNSServer(ZONE) as server:
        assert await Shelf(server, tmp_path / "missing").of() == ENFORCE


async def test_a_fetch_that_failed_is_not_tried_for_a_while(tmp_path: Path) -> None:
    async with FakeDNSServer(ZONE) as server:
        shelf = Shelf(server, tmp_path, FetchError("sts-webpki-invalid", "bad certificate"))
        for _ in range(3):
            assert await shelf.of() is None
        assert shelf.fetcher.asked == 1
        shelf.clock.now += AGAIN
        await shelf.of()
        assert shelf.fetcher.asked == 2
    assert [(row.policy.domain, row.result, number) for row, number in shelf.counts.rows().items()] == [
        (DOMAIN, "sts-webpki-invalid", 2)
    ]


async def test_a_policy_in_use_is_fetched_anew_each_day(tmp_path: Path) -> None:
    async with FakeDNSServer(ZONE) as server:
        shelf = Shelf(server, tmp_path, StsPolicy("enforce", ("mx.example.org",), MAX_AGE))
        await shelf.of()
        shelf.clock.now += REFRESH
        await shelf.of()
        assert shelf.fetcher.asked == 2


async def test_the_domains_kept_are_bounded(tmp_path: Path) -> None:
    old = {f"d{number}.test": Kept("1", ENFORCE, Clock().now) for number in range(MAX_DOMAINS)}
    PolicyFile(tmp_path / "mta-sts.json").save(old)
    async with FakeDNSServer(ZONE) as server:
        shelf = Shelf(server, tmp_path)
        await shelf.of()
    kept = PolicyFile(shelf.path).load()
    assert len(kept) == MAX_DOMAINS
    assert DOMAIN in kept
    assert "d0.test" not in kept


SAVING = """
import sys
from pathlib import Path
from server.delivery.mta_sts import StsPolicy
from server.delivery.sts_policies import Kept, PolicyFile

file, count = PolicyFile(Path(sys.argv[1])), int(sys.argv[2])
for _ in range(100):
    file.save({f"d{number}.test": Kept("1", StsPolicy("enforce", ("mx.test",), 1), 1) for number in range(count)})
"""


async def test_two_processes_keep_them_in_one_file(tmp_path: Path) -> None:
    """On PostgreSQL a site's processes share the data folder."""
    path = tmp_path / "mta-sts.json"
    both = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", SAVING, str(path), str(count)) for count in (1, 400)
    ]
    async with asyncio.timeout(60):
        assert [await process.wait() for process in both] == [0, 0]
    assert len(PolicyFile(path).load()) in (1, 400)
    assert list(tmp_path.iterdir()) == [path]
