"""A server that cannot start ends at once, and says in one line what is wrong and what to do."""

import asyncio
import errno
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from starlette.applications import Starlette

from server import app
from server.listening import listening
from server.settings import Settings, SettingsError
from server.smtp.certificate import Certificate
from storage.errors import Unavailable

START_SECONDS = 60


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def refusal(data: Path, **settings: Any) -> str:
    """What a server with these settings says instead of starting."""
    chosen = Settings.load(None, data=data, **{"http_port": 0, "smtp_port": 0, **settings})
    with pytest.raises((SettingsError, ExceptionGroup)) as raised:
        async with asyncio.timeout(START_SECONDS), app.running(chosen):
            pytest.fail("it runs")
    error: BaseException = raised.value
    while isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, SettingsError)
    return str(error)


async def test_a_postgresql_that_is_not_there_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    url = f"postgresql://me:hunter2@127.0.0.1:{port}/gatepost"
    with pytest.raises(Unavailable, match="cannot open the PostgreSQL of database_url: ") as refused:
        async with app.running(Settings.load(None, data=tmp_path, http_port=0, smtp_port=0, database_url=url)):
            pytest.fail("it runs")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("part", ["http", "smtp", "submission"])
async def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path, taken: int, part: str) -> None:
    said = await refusal(tmp_path, **{f"{part}_port": taken, "submission_plain": True})
    assert said.startswith(f"Cannot listen on 127.0.0.1:{taken}: address already in use.")
    assert said.endswith(f"or set {part}_port to a free one.")


@pytest.mark.parametrize("part", ["http", "smtp"])
async def test_an_address_of_another_machine_is_named(tmp_path: Path, part: str) -> None:
    said = await refusal(tmp_path, **{f"{part}_host": "192.0.2.1"})
    assert said.startswith("Cannot listen on 192.0.2.1:0: ")
    assert said.endswith(f"Set {part}_host to an address of this machine.")


async def test_a_bad_certificate_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    said = await refusal(tmp_path / "data", tls_cert=bad, tls_key=bad)
    assert str(bad) in said and "Set tls_cert" in said


def test_an_encrypted_key_is_refused_and_no_password_asked_for(tmp_path: Path) -> None:
    """A server that asks at the terminal where it was started serves nobody meanwhile."""
    sealed = generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")
    )
    chain = tmp_path / "chain.pem"
    trustme.CA().issue_cert("mx.example.com").cert_chain_pems[0].write_to_path(chain)
    (tmp_path / "key.pem").write_bytes(sealed)
    with pytest.raises(ssl.SSLError):
        Certificate(chain, tmp_path / "key.pem")


async def test_a_web_server_that_cannot_start_ends_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def broken(_: Starlette) -> AsyncIterator[None]:
        raise RuntimeError("broken")
        yield

    monkeypatch.setattr(app, "build_app", lambda *_, **__: Starlette(lifespan=broken))
    assert "The web server cannot start" in await refusal(tmp_path)


@pytest.mark.parametrize("plain", [True, False])
async def test_smtp_listens_on_several_addresses(tmp_path: Path, plain: bool) -> None:
    """A server on the Internet has one of each kind, and a socket for IPv6 alone takes no IPv4."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as free:
            port = free.getsockname()[1]
    except OSError:
        pytest.skip("needs IPv6 on loopback")
    hosts = {"smtp_host": "127.0.0.1, ::1", "smtp_port": port} if plain else {"submission_host": "127.0.0.1,::1"}
    chosen = {"http_port": 0, "smtp_port": 0, "submission_port": port if not plain else None, "submission_plain": True}
    async with app.running(Settings.load(None, data=tmp_path, **{**chosen, **hosts})):
        for host in ("127.0.0.1", "::1"):
            reader, writer = await asyncio.open_connection(host, port)
            assert (await reader.readline()).startswith(b"220 ")
            writer.close()


def served(data: Path, smtp_port: int = 0) -> str:
    """The line with which `gatepost serve` ends at once, as a process, with status 1."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    settings = {"GATEPOST_DATA": str(data), "GATEPOST_HTTP_PORT": "0", "GATEPOST_SMTP_PORT": str(smtp_port)}
    command = [sys.executable, "-m", "gatepost", "serve"]
    ended = subprocess.run(command, env=own | settings, capture_output=True, text=True, timeout=START_SECONDS)
    assert ended.returncode == 1
    *_, line = ended.stderr.splitlines()
    return line


def test_a_folder_without_a_database_is_not_served(tmp_path: Path) -> None:
    """A disk that is not mounted, or a mistyped name: mail for all mailboxes would be refused for good."""
    line = served(tmp_path / "data")
    assert line.startswith(f"There is no database in {tmp_path}/data. Run 'gatepost init'")
    assert not (tmp_path / "data").exists()
    (tmp_path / "gatepost.db").touch()
    assert served(tmp_path) == "Nothing is set up yet. Run 'gatepost init' first."


def test_the_process_says_so_in_one_line_and_ends_with_status_1(tmp_path: Path, taken: int) -> None:
    (tmp_path / "gatepost.db").touch()
    line = served(tmp_path, taken)
    assert line.startswith(f"Cannot listen on 127.0.0.1:{taken}: address already in use.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "x"), "permission denied. Ports below 1024 need CAP_NET_BIND_SERVICE"),
        (socket.gaierror(socket.EAI_NONAME, "Name unknown (while)"), "name unknown. Set smtp_host to an address"),
    ],
)
def test_the_fix_fits_the_fault(error: OSError, said: str) -> None:
    with pytest.raises(SettingsError, match=said), listening("smtp", "mx.example", 25):
        raise error


async def test_a_second_server_on_the_same_sqlite_is_refused(tmp_path: Path) -> None:
    async with app.running(Settings.load(None, data=tmp_path, http_port=0, smtp_port=0)):
        assert await refusal(tmp_path) == (f"Another Gatepost serves {tmp_path}. Stop it, or use another data folder.")


async def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = await refusal(tmp_path / "file" / "data")
    assert said == f"The data folder {tmp_path}/file/data cannot be written to: Not a directory."


async def test_a_region_file_without_its_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    said = await refusal(tmp_path, region_file=tmp_path / "countries.mmdb", regions_denied="KP")
    assert said == "region_file needs its library: pip install 'gatepost[region]'."
