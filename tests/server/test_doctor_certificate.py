"""What the doctor says of certificates: those in files, for SMTP, and that of the site, before the web."""

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from server.doctor import site
from server.doctor.certificate import examine_certificate
from server.doctor.site import examine_site
from server.settings import Settings
from tests.fakes.certificates import Issued, issue, self_signed, serving_context, trusting
from tests.fakes.policy_server import PolicyServer, page, stall

HOST = "mx.a.example"
NOW = datetime.now(UTC)
ROOT = trustme.CA()
BELOW = ROOT.create_child_ca()


def lasting(days: float, *names: str) -> Issued:
    """A certificate of 90 days, of which so many are left."""
    end = NOW + timedelta(days=days)
    return BELOW.issue_cert(*names or (HOST,), not_before=end - timedelta(days=90), not_after=end)


def written(folder: Path, issued: Issued, *, chain: bytes | None = None, key: bytes | None = None) -> Settings:
    """Settings with its files, or with others in their place."""
    whole = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
    (folder / "chain.pem").write_bytes(whole if chain is None else chain)
    (folder / "key.pem").write_bytes(issued.private_key_pem.bytes() if key is None else key)
    (folder / "key.pem").chmod(0o600)
    return Settings(data=folder, hostname=HOST, tls_cert=folder / "chain.pem", tls_key=folder / "key.pem")


def said(settings: Settings) -> str:
    """The level of the only finding, what it is about, and what is to be done."""
    (found,) = examine_certificate(settings, NOW)
    assert found.fix or found.level == "ok"
    return f"{found.level} {found.what} {found.fix}"


def sealed() -> bytes:
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))


@pytest.mark.parametrize("name", [HOST, HOST.upper(), "*.a.example"])
def test_a_certificate_in_order(name: str, tmp_path: Path) -> None:
    assert said(written(tmp_path, lasting(60, name))).startswith(f"ok tls_cert: {tmp_path}/chain.pem is for {HOST}")


@pytest.mark.parametrize(
    ("days", "words"),
    [(14.1, "ok"), (13.9, "warn expires on"), (-0.1, "fail expired on"), (91, "fail is not valid before")],
)
def test_its_time(days: float, words: str, tmp_path: Path) -> None:
    level, _, rest = words.partition(" ")
    told = said(written(tmp_path, lasting(days)))
    assert told.startswith(level) and rest in told


def test_one_that_lives_for_days_is_given_a_third_of_them(tmp_path: Path) -> None:
    short = [
        BELOW.issue_cert(HOST, not_before=NOW - timedelta(days=6 - left), not_after=NOW + timedelta(days=left))
        for left in (2.1, 1.9)
    ]
    assert [said(written(tmp_path, issued)).split()[0] for issued in short] == ["ok", "warn"]


@pytest.mark.parametrize("name", ["mail.a.example", "*.mx.a.example", "*.example"])
def test_another_name(name: str, tmp_path: Path) -> None:
    told = said(written(tmp_path, lasting(60, name)))
    assert told.startswith("warn") and f"is for {name}, and this server calls itself {HOST}" in told


def test_no_chain(tmp_path: Path) -> None:
    issued = lasting(60)
    told = said(written(tmp_path, issued, chain=issued.cert_chain_pems[0].bytes()))
    assert told.startswith("warn") and "alone" in told and "fullchain.pem" in told


def test_a_chain_out_of_order(tmp_path: Path) -> None:
    issued = lasting(60)
    stranger = trustme.CA(organization_name="Another")
    told = said(written(tmp_path, issued, chain=issued.cert_chain_pems[0].bytes() + stranger.cert_pem.bytes()))
    assert told.startswith("warn") and "did not issue it" in told


def test_a_self_signed_one(tmp_path: Path) -> None:
    found = examine_certificate(written(tmp_path, self_signed(HOST)), NOW)
    assert [each.level for each in found] == ["warn"] and "self-signed" in found[0].what


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda chain, _: chain.unlink(), "tls_cert: there is no file"),
        (lambda _, key: key.unlink(), "tls_key: there is no file"),
        (lambda _, key: (key.unlink(), key.mkdir()), "cannot be read: Is a directory"),
        (lambda chain, _: chain.write_bytes(b"nothing"), "tls_cert: "),
        (lambda chain, key: chain.write_bytes(key.read_bytes()), "holds no certificate in PEM"),
        (
            lambda _, key: key.write_bytes(lasting(60).private_key_pem.bytes()),
            "is not the key of the first certificate",
        ),
        (lambda _, key: key.write_bytes(sealed()), "not encrypted"),
        (lambda _, key: key.write_bytes(b"nothing"), "tls_key: "),
        (lambda _, key: key.chmod(0o644), "chmod o="),
    ],
)
def test_files_that_cannot_be_used(change: Callable[[Path, Path], object], words: str, tmp_path: Path) -> None:
    settings = written(tmp_path, lasting(60))
    assert settings.tls_cert and settings.tls_key
    change(settings.tls_cert, settings.tls_key)
    told = said(settings)
    assert told.startswith("fail") and words in told


def test_none_is_needed_on_this_machine_alone(tmp_path: Path) -> None:
    assert examine_certificate(Settings(data=tmp_path), NOW) == []
    assert said(Settings(data=tmp_path, smtp_host="0.0.0.0")).startswith("warn tls_cert: none is set")


async def visited(issued: Issued, answer: bytes, name: str = "localhost") -> list[str]:
    """What is said of a site whose proxy has this certificate and answers so."""
    async with PolicyServer(answer, serving_context(issued)) as proxy:
        settings = Settings(base_url=f"https://{name}:{proxy.port}")
        found = await examine_site(settings, NOW, trusting(ROOT))
        if proxy.requests:
            assert f"\r\nHost: {name}:{proxy.port}\r\n" in proxy.requests[0]
    return [f"{each.level} {each.what}" for each in found]


async def test_a_site_in_order() -> None:
    (told,) = await visited(lasting(60, "localhost"), page(""))
    assert told.startswith("ok") and "its certificate is believed" in told


async def test_a_site_whose_certificate_ends_soon() -> None:
    _, told = await visited(lasting(13, "localhost"), page(""))
    assert told.startswith("warn") and "expires on" in told


@pytest.mark.parametrize(
    ("issued", "why"),
    [
        (lambda: issue(ROOT, "localhost", expired=True), "expired"),
        (lambda: lasting(60, "other.example"), "ostname mismatch"),
        (lambda: self_signed("localhost"), "self-signed"),
        (lambda: issue(trustme.CA(), "localhost"), "issuer"),
    ],
)
async def test_a_site_that_is_not_believed(issued: Callable[[], Issued], why: str) -> None:
    (told,) = await visited(issued(), page(""))
    assert told.startswith("fail") and why in told


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (page("", "421 Misdirected Request"), "fail: the proxy asks us for another host"),
        (page("", "502 Bad Gateway"), "warn: answers with status 502"),
        (b"hello\r\n", "warn: answers with status of no HTTP"),
        (b"", "warn: answers with status of no HTTP"),
        (b"x" * 100_000, "warn: cannot be reached"),
    ],
)
async def test_what_stands_behind_the_proxy(answer: bytes, told: str) -> None:
    (found,) = await visited(lasting(60, "localhost"), answer)
    level, _, words = told.partition(": ")
    assert found.startswith(level) and words in found


async def test_a_site_that_is_silent_or_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "SECONDS", 0.1)
    async with PolicyServer(stall, serving_context(lasting(60, "localhost"))) as proxy, asyncio.timeout(30):
        (found,) = await examine_site(Settings(base_url=f"https://localhost:{proxy.port}"), NOW, trusting(ROOT))
    assert found.level == "warn" and "cannot be reached from here: TimeoutError" in found.what
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    (found,) = await examine_site(Settings(base_url=f"https://127.0.0.1:{port}"), NOW)
    assert found.level == "warn" and found.fix


async def test_a_site_without_tls_is_not_visited() -> None:
    assert await examine_site(Settings(base_url="http://127.0.0.1:1"), NOW) == []
