"""The doctor's checks, each with a machine or a zone on which it speaks."""

import asyncio
import os
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from dns.exception import Timeout

from policies.modes import Mode
from server import files
from server.doctor.examination import examine
from server.doctor.finding import Finding
from server.doctor.machine import examine_folder, examine_limits
from server.doctor.state import examine_state
from server.doctor.zones import LookUp, examine_zones
from server.domains import Zone, new_signing_keys, published
from server.opening import looked_into, opened
from server.settings import Settings
from server.web import WebSettings
from server.zone import DnsRecord, quoted, records
from storage.migrate import available
from tests.conftest import World
from tools.accounts import create_account, list_accounts
from tools.context import HOUR, MINUTE
from tools.send import SendRequest, send
from tools.stops import start, stop

KEYS = ("v=DKIM1; k=rsa; p=AAAA", "v=DKIM1; k=ed25519; p=BBBB")
ZONE = Zone("a.example", records("a.example", "mx.a.example", "gp", KEYS))
GOOD = {
    ("a.example", "MX"): ["20 other.example.", "10 MX.a.example."],
    ("a.example", "TXT"): ["something else", "v=spf1 ip4:192.0.2.1 -all"],
    ("gpr._domainkey.a.example", "TXT"): ["v=DKIM1;k=rsa;p=AA AA"],
    ("gpe._domainkey.a.example", "TXT"): ["v=DKIM1; k=ed25519; p=BBBB"],
    ("_dmarc.a.example", "TXT"): ["v=DMARC1; p=reject"],
}


@dataclass
class Disk:
    """What a disk says of itself."""

    free: int


def answers(zone: Mapping[tuple[str, str], list[str]]) -> LookUp:
    async def look_up(name: str, type_: str) -> list[str]:
        return zone.get((name, type_), [])

    return look_up


def levels(findings: list[Finding], word: str) -> list[str]:
    return [finding.level for finding in findings if finding.what.startswith(word)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one domain."""
    folder = tmp_path_factory.mktemp("doctor") / "data"

    async def make() -> None:
        async with opened(Settings(data=folder)) as context:
            await create_account(context, "a.example", "boss@example.org", new_signing_keys(context))

    asyncio.run(make())
    return folder


@pytest.fixture
def settings(made: Path, tmp_path: Path) -> Settings:
    """Settings of a healthy, quiet machine."""
    return Settings(data=Path(shutil.copytree(made, tmp_path / "data")), http_port=0, smtp_port=0)


async def test_a_healthy_machine(settings: Settings) -> None:
    findings, zones = await examine(settings)
    assert {finding.level for finding in findings} == {"ok"}
    assert [zone.domain for zone in zones] == ["a.example"]


async def test_nothing_set_up_yet(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    findings, zones = await examine(Settings(data=folder, http_port=0, smtp_port=0))
    assert levels(findings, "data:") == ["fail"]
    assert zones == []
    assert not folder.exists(), "looking makes nothing"


async def test_a_lost_secret_is_not_replaced(settings: Settings) -> None:
    (settings.data / "secret").unlink()
    findings, _ = await examine(settings)
    assert levels(findings, "secret:") == ["fail"]
    assert not (settings.data / "secret").exists()


async def test_a_secret_that_others_can_read(settings: Settings) -> None:
    (settings.data / "secret").chmod(0o644)
    findings, _ = await examine(settings)
    (found,) = [finding for finding in findings if finding.what.startswith("secret:")]
    assert found.level == "fail"
    assert "chmod 600" in found.fix


async def test_a_data_folder_that_others_can_look_into(settings: Settings) -> None:
    settings.data.chmod(0o755)
    findings, _ = await examine(settings)
    assert levels(findings, "data:") == ["warn"]


async def test_another_secret_than_the_keys(settings: Settings) -> None:
    (settings.data / "secret").write_text("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=", encoding="ascii")
    findings, _ = await examine(settings)
    assert levels(findings, "database:") == ["fail"]


async def test_a_file_that_is_no_database(settings: Settings) -> None:
    (settings.data / "gatepost.db").write_bytes(b"not a database" * 100)
    findings, _ = await examine(settings)
    assert levels(findings, "database:") == ["fail"]


@pytest.mark.parametrize(("step", "fix"), [(-1, "gatepost migrate"), (1, "newer Gatepost")])
async def test_a_database_of_another_version(step: int, fix: str, settings: Settings) -> None:
    number = max(available()) + step
    async with looked_into(settings) as context:
        await context.db.script(f"DELETE FROM schema_version;\nINSERT INTO schema_version VALUES ({number});")
    findings, _ = await examine(settings)
    (found,) = [finding for finding in findings if finding.what.startswith("database:")]
    assert found.level == "fail"
    assert fix in found.fix


async def test_ports_free_served_and_taken(settings: Settings) -> None:
    assert levels((await examine(settings))[0], "HTTP port") == ["ok"]
    with socket.create_server(("127.0.0.1", 0)) as served, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen: nobody else can
        ports = {"http_port": served.getsockname()[1], "smtp_port": bound.getsockname()[1]}
        findings, _ = await examine(settings.model_copy(update=ports))
    assert next(finding for finding in findings if "is served" in finding.what).what.startswith("HTTP")
    (taken,) = [finding for finding in findings if finding.what.startswith("SMTP port")]
    assert taken.level == "fail" and "set smtp_port to a free one" in taken.fix


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({"route": "direct", "hostname": "vm"}, "fail"),
        ({"route": "direct", "hostname": "mx.a.example"}, "ok"),
        ({"route": "relay", "relay_host": "mail.example.com"}, "ok"),
    ],
)
async def test_the_route(changes: dict[str, str], level: str, settings: Settings) -> None:
    findings, _ = await examine(settings.model_copy(update=changes))
    assert levels(findings, "route") == [level]
    assert levels(findings, "base_url") == ["warn"], "mailed links would open on this machine only"


async def test_a_zone_in_order() -> None:
    findings = await examine_zones([ZONE], needed=True, look_up=answers(GOOD))
    assert [finding.level for finding in findings] == ["ok"] * 5


@pytest.mark.parametrize("needed", [True, False])
async def test_a_zone_with_nothing_in_it(needed: bool) -> None:
    findings = await examine_zones([ZONE], needed, answers({}))
    assert {finding.level for finding in findings} == {"fail" if needed else "warn"}
    assert all(finding.fix.startswith("Publish: ") for finding in findings)


@pytest.mark.parametrize(
    ("name", "type_", "values"),
    [
        ("a.example", "MX", ["10 elsewhere.example."]),
        ("a.example", "MX", ["0 ."]),
        ("a.example", "TXT", ["v=spf1 -all", "v=spf1 mx -all"]),
        ("gpr._domainkey.a.example", "TXT", ["v=DKIM1; k=rsa; p=CCCC"]),
        ("gpr._domainkey.a.example", "TXT", ["v=DKIM1; k=rsa; p="]),
        ("_dmarc.a.example", "TXT", ["v=DMARC1; p=none", "v=DMARC1; p=reject"]),
    ],
)
async def test_one_wrong_record_is_found(name: str, type_: str, values: list[str]) -> None:
    findings = await examine_zones([ZONE], needed=True, look_up=answers({**GOOD, (name, type_): values}))
    assert [finding.level for finding in findings].count("fail") == 1
    assert levels(findings, f"{type_} {name}:") == ["fail"]


async def test_silent_dns_is_no_verdict() -> None:
    async def look_up(name: str, type_: str) -> list[str]:
        raise Timeout

    findings = await examine_zones([ZONE], needed=True, look_up=look_up)
    assert {finding.level for finding in findings} == {"warn"}


async def test_the_records_are_of_the_stored_keys(settings: Settings) -> None:
    async with looked_into(settings) as context:
        rows = await context.db.rows("accounts")
        (zone,) = await published(context, rows[0]["id"], "vm")
    mx, spf, rsa, ed25519, dmarc = zone.records
    assert mx == DnsRecord("a.example", "MX", "10 mail.a.example.")
    assert spf.value == "v=spf1 mx -all"
    assert rsa.name.endswith("r._domainkey.a.example") and "k=rsa" in rsa.value
    assert ed25519.name.endswith("e._domainkey.a.example") and "k=ed25519" in ed25519.value
    assert dmarc.value.startswith("v=DMARC1")


@pytest.mark.parametrize(("length", "strings"), [(1, 1), (255, 1), (256, 2), (600, 3)])
def test_txt_values_come_in_strings_of_255(length: int, strings: int) -> None:
    text = quoted("x" * length)
    assert text.count('"') == 2 * strings
    assert text.replace('" "', "").strip('"') == "x" * length


async def test_ten_files_are_few(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert levels(examine_limits(settings), "open files:") == ["ok"]
    monkeypatch.setattr(files, "most", lambda: 1024)
    (found,) = examine_limits(settings)
    assert found.level == "warn" and "HTTP takes 341 connections of 5000, SMTP 256 of 2000" in found.what
    assert "LimitNOFILE" in found.fix


@pytest.mark.parametrize(("free", "level"), [(2**31, "ok"), (2**31 - 1, "warn"), (2**28, "warn"), (2**28 - 1, "fail")])
async def test_room_on_the_disk(free: int, level: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(free))
    findings, _ = await examine(settings)
    assert levels(findings, "disk:") == [level]


async def test_a_database_that_others_can_read(settings: Settings) -> None:
    (settings.data / "gatepost.db").chmod(0o644)
    findings, _ = await examine(settings)
    (found,) = [finding for finding in findings if finding.level == "fail"]
    assert found.fix == f"Run 'chmod 600 {settings.data}/gatepost.db'."


@pytest.mark.parametrize("name", ["", "secret", "gatepost.db", "blobs"])
async def test_what_the_user_that_runs_it_cannot_write(
    name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.data / "blobs").mkdir()
    closed = settings.data / name
    monkeypatch.setattr(os, "access", lambda path, _: path != closed)
    (found,) = [finding for finding in examine_folder(settings.data) if finding.level == "fail"]
    assert str(closed) in found.what and "chown" in found.fix


async def test_an_overseer_whose_mail_would_come_here(world: World) -> None:
    accounts = await list_accounts(world.system)
    assert levels(await examine_state(world.system, accounts, {"agents.example"}), "overseer:") == []
    assert levels(await examine_state(world.system, accounts, {"agents.example", "example.org"}), "overseer:") == [
        "warn"
    ]


async def test_sending_that_is_stopped(settings: Settings) -> None:
    async with looked_into(settings) as context:
        (account,) = await list_accounts(context)
        await stop(context, None, "the operator", "a look around")
        await stop(context, account.id, "ada")
        findings, _ = await examine(settings)
        assert [finding.level for finding in findings if finding.what.startswith("sending:")] == ["warn", "warn"]
        everybody, one = [finding for finding in findings if finding.what.startswith("sending:")]
        assert "a look around" in everybody.what and everybody.fix.startswith("'gatepost start' ")
        assert one.fix.startswith(f"'gatepost start --account {account.slug}' ")


async def test_a_clock_that_went_back(settings: Settings) -> None:
    async with looked_into(settings) as context:
        (account,) = await list_accounts(context)
        await stop(replace(context, clock=lambda: context.now() + 2 * HOUR), account.id, "ada")
        await start(replace(context, clock=lambda: context.now() + 2 * HOUR), account.id, "ada")
    findings, _ = await examine(settings)
    assert levels(findings, "clock:") == ["fail"]


@pytest.mark.parametrize(("minutes", "expected"), [(14, []), (16, ["warn"])])
async def test_mail_that_nobody_takes(world: World, minutes: int, expected: list[str]) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await send(world.context, SendRequest(to=["office@example.org"], subject="Hi", markdown="Hi"))
    late = replace(world.system, clock=lambda: world.system.now() + minutes * MINUTE)
    assert levels(await examine_state(late, await list_accounts(late), ()), "delivery:") == expected


@pytest.mark.parametrize(
    ("host", "proxies", "expected"),
    [
        ("127.0.0.1", ["10.0.0.5/32"], ["warn"]),
        ("127.0.0.1", ["10.0.0.5/32", "127.0.0.0/8"], []),
        ("10.0.0.1", ["10.0.0.5/32"], []),
        ("127.0.0.1", [], []),
    ],
)
async def test_a_proxy_on_this_machine_that_is_not_named(
    host: str, proxies: list[str], expected: list[str], settings: Settings
) -> None:
    changed = {"http_host": host, "web": WebSettings.model_validate({"proxies": proxies})}
    findings, _ = await examine(settings.model_copy(update=changed))
    assert levels(findings, "web.proxies:") == expected


async def test_a_site_in_the_clear(settings: Settings) -> None:
    findings, _ = await examine(settings.model_copy(update={"base_url": "http://mail.a.example"}))
    assert levels(findings, "base_url") == ["warn"]
