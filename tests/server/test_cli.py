"""The command line as an operator meets it: what it makes, what it prints, and how it says no."""

import asyncio
import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from server.commands.common import errors_in_one_line
from server.opening import opened
from server.settings import Settings
from tools.identity import principal_of
from tools.operation import perform
from tools.send import SEND, SendRequest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("GATEPOST_"):
            monkeypatch.delenv(name)


def ran(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, *arguments: str) -> Ran:
    """Run `gatepost ARGUMENTS --data DATA`."""
    monkeypatch.setattr(sys, "argv", ["gatepost", *arguments, "--data", str(data)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return Ran(int(ended.value.code or 0), printed.out, printed.err)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A data folder after `gatepost init`, and what that printed."""
    folder = tmp_path_factory.mktemp("init") / "data"
    command = [sys.executable, "-m", "gatepost", "init", "--domain", "agents.example", "--overseer", "Boss@example.org"]
    result = subprocess.run(
        [*command, "--json", "--data", str(folder)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return folder, json.loads(result.stdout)


@pytest.fixture
def data(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """A copy of that folder of this test's own."""
    return Path(shutil.copytree(made[0], tmp_path / "data"))


@pytest.fixture
def gatepost(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command on the folder."""
    return lambda *arguments: ran(monkeypatch, capsys, data, *arguments)


def held(data: Path, key: str) -> tuple[str, str]:
    """A mail that the agent hands in and a person must decide on: approval and message."""

    async def send() -> tuple[str, str]:
        async with opened(Settings.load(data=data)) as context:
            agent = context.acting_as(await principal_of(context, key))
            request = SendRequest(
                to=["ann@example.net"], bcc=["hidden@example.net"], subject="[red]Hi", markdown="Text \x1b[31mred"
            )
            result = await perform(SEND, agent, request)
            assert result.approval_id is not None
            return result.approval_id, result.message_id

    return asyncio.run(send())


def test_init_makes_all_that_is_needed(made: tuple[Path, dict[str, Any]], gatepost: Command) -> None:
    folder, printed = made
    assert printed["mailbox"] == "agent@agents.example"
    assert printed["mode"] == "gated_send"
    assert printed["overseer"] == "boss@example.org"
    assert [record["type"] for record in printed["dns"]] == ["MX", "TXT", "TXT", "TXT", "TXT"]
    assert printed["key"] in printed["mcp"]["Claude Code"]
    [started] = json.loads(printed["mcp"]["Any runtime, over stdio"])["mcpServers"].values()
    version = subprocess.run([started["command"], "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert "gatepost" in version.stdout, "a runtime finds the command without the shell's path"
    assert folder.stat().st_mode & 0o077 == 0
    assert gatepost("dns", "--json").json == printed["dns"]


def test_the_key_works_for_its_mailbox_alone(made: tuple[Path, dict[str, Any]], data: Path) -> None:
    async def who() -> None:
        async with opened(Settings.load(data=data)) as context:
            principal = await principal_of(context, made[1]["key"])
            assert principal.scopes == {"read", "send"}
            assert principal.mailbox_id == made[1]["mailbox_id"]

    asyncio.run(who())


@pytest.mark.parametrize(("overseer", "told"), [("boss@agents.example", True), ("boss@mail.agents.example", False)])
def test_init_says_when_the_overseer_could_get_no_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], overseer: str, told: bool
) -> None:
    said = ran(monkeypatch, capsys, tmp_path / "own", "init", "--domain", "agents.example", "--overseer", overseer)
    assert said.status == 0
    assert ("choose another overseer" in said.out) is told


def test_a_file_of_somebody_else_is_named_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, errors_in_one_line():
        raise PermissionError(errno.EACCES, "Permission denied", "/var/lib/gatepost/gatepost.db")
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("/var/lib/gatepost/gatepost.db: permission denied. Run this as the user")


def test_a_warning_fails_the_doctor_who_is_strict(gatepost: Command, data: Path) -> None:
    data.chmod(0o755)
    ports = {"GATEPOST_HTTP_PORT": "0", "GATEPOST_SMTP_PORT": "0"}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in ports.items():
            environment.setenv(name, value)
        assert gatepost("doctor", "--offline").status == 0
        assert gatepost("doctor", "--offline", "--strict").status == 1
        data.chmod(0o700)
        assert gatepost("doctor", "--offline", "--strict").status == 0


def test_init_shows_zone_lines_that_a_server_takes(tmp_path: Path, gatepost: Command) -> None:
    out = gatepost("dns").out
    for line in out.splitlines():
        if " TXT " in line:
            strings = line.split(" TXT ")[1].split('"')[1::2]
            assert all(len(string) <= 255 for string in strings)
    assert "PTR" in out


def test_init_twice_overwrites_nothing(data: Path, gatepost: Command) -> None:
    before = {path.name: path.read_bytes() for path in data.iterdir() if path.name == "secret"}
    keys = gatepost("key", "list", "--json").json
    again = gatepost("init", "--domain", "other.example", "--overseer", "eve@example.org")
    assert again.status == 1
    assert "set up already" in again.err
    assert again.err.count("\n") == 1
    assert {"secret": (data / "secret").read_bytes()} == before
    assert gatepost("key", "list", "--json").json == keys


@pytest.mark.parametrize(
    ("domain", "overseer", "mailbox", "code"),
    [
        ("not a domain", "boss@example.org", "agent", "invalid_domain"),
        ("agents.example", "nobody", "agent", "invalid_address"),
        ("agents.example", "Agent@agents.example", "agent", "overseer"),
        ("agents.example", "boss@example.org", "an agent", "invalid_address"),
        ("agents.example", "boss@example.org", "an..agent", "invalid_address"),
    ],
)
def test_init_refuses_what_cannot_work_and_can_be_run_again(
    domain: str,
    overseer: str,
    mailbox: str,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "fresh"
    given = ("--domain", domain, "--overseer", overseer, "--mailbox", mailbox)
    wrong = ran(monkeypatch, capsys, folder, "init", *given)
    assert wrong.status == 1
    assert code in wrong.err
    right = ran(
        monkeypatch, capsys, folder, "init", "--domain", "agents.example", "--overseer", "boss@example.org", "--json"
    )
    assert right.json["mailbox"] == "agent@agents.example"


def test_keys(gatepost: Command) -> None:
    create = "key create --name ops --scope read --scope admin --mailbox agent@agents.example --json"
    made = gatepost(*create.split()).json
    assert made["key"].startswith("gp_")
    assert made["scopes"] == "admin read"
    assert "key" not in gatepost("key", "list", "--json").json[1]
    assert gatepost("key", "revoke", made["id"]).status == 0
    (_, key) = gatepost("key", "list", "--json").json
    assert key["revoked_at"]
    assert made["id"] in gatepost("key", "list").out


def test_a_key_for_rehearsals_shows_what_it_is(gatepost: Command) -> None:
    made = gatepost(*["key", "create", "--name", "rehearsal", "--scope", "send", "--test", "--json"]).json
    assert made["key"].startswith("gp_test_") and made["test"]
    assert [key["test"] for key in gatepost("key", "list", "--json").json] == [False, True]


def test_no_key_both_sends_and_approves(gatepost: Command) -> None:
    refused = gatepost("key", "create", "--name", "x", "--scope", "send", "--scope", "oversight")
    assert refused.status == 1
    assert refused.err.startswith("scopes_conflict: ")
    assert refused.err.endswith("Make two keys.\n")


def test_mailboxes(gatepost: Command) -> None:
    made = gatepost("mailbox", "create", "Bob@agents.example", "--mode", "monitored", "--name", "Bob", "--json").json
    assert (made["address"], made["mode"], made["name"]) == ("bob@agents.example", "monitored", "Bob")
    assert gatepost("mailbox", "mode", "bob@agents.example", "read_only").status == 0
    assert "was accept, and is reject" in gatepost("mailbox", "dmarc", "bob@agents.example", "reject").out
    boxes = {box["address"]: box["mode"] for box in gatepost("mailbox", "list", "--json").json}
    assert boxes == {"agent@agents.example": "gated_send", "bob@agents.example": "read_only"}
    assert "bob@agents.example" in gatepost("mailbox", "list").out
    assert "for ever" in gatepost("mailbox", "retention", "bob@agents.example").out
    assert "for 30 days" in gatepost("mailbox", "retention", "bob@agents.example", "30").out
    assert "for 30 days" in gatepost("mailbox", "retention", "bob@agents.example").out
    assert "for ever" in gatepost("mailbox", "retention", "bob@agents.example", "0").out


def test_passing_on(gatepost: Command) -> None:
    forward = ("mailbox", "forward", "agent@agents.example")
    assert ", off: " in gatepost(*forward).out
    assert ", unconfirmed: ops@example.com was mailed a link" in gatepost(*forward, "ops@example.com").out
    assert gatepost(*forward, "--json").json["status"] == "unconfirmed"
    assert ", active: What arrives goes to ops@example.com" in gatepost(*forward, "--confirm").out
    assert ", active: " in gatepost(*forward).out
    assert ", off: " in gatepost(*forward, "--off").out


@pytest.mark.parametrize("columns", [30, 72, 200])
def test_a_listing_is_whole_on_any_terminal(columns: int, gatepost: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    (box,) = gatepost("mailbox", "list", "--json").json
    out = gatepost("mailbox", "list").out
    assert box["id"] in out
    assert box["address"] in out


def test_allowlist(gatepost: Command) -> None:
    assert "empty" in gatepost("mailbox", "allowlist", "agent@agents.example").out
    assert gatepost("mailbox", "allow", "agent@agents.example", "*@Example.net").status == 0
    assert gatepost("mailbox", "allowlist", "agent@agents.example", "--json").json == ["*@example.net"]
    assert gatepost("mailbox", "disallow", "agent@agents.example", "*@example.net").status == 0
    assert gatepost("mailbox", "allowlist", "agent@agents.example", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("mailbox", "mode", "nobody@agents.example", "read_only"), "mailbox_not_found"),
        (("mailbox", "mode", "agent@agents.example", "free"), "invalid_mode"),
        (("mailbox", "dmarc", "agent@agents.example", "drop"), "invalid_dmarc_policy"),
        (("mailbox", "forward", "agent@agents.example", "x@example.net", "--off"), "invalid_request"),
        (("mailbox", "forward", "agent@agents.example", "--confirm"), "invalid_request"),
        (("mailbox", "forward", "agent@agents.example", "agent@agents.example"), "invalid_address"),
        (("mailbox", "create", "x@elsewhere.example"), "domain_not_found"),
        (("mailbox", "create", "agent@agents.example"), "address_taken"),
        (("mailbox", "allow", "agent@agents.example", "*"), "invalid_address"),
        (("mailbox", "disallow", "agent@agents.example", "x@example.net"), "not_found"),
        (("key", "revoke", "key_none"), "key_not_found"),
        (("key", "create", "--name", "x", "--scope", "fly"), "invalid_scope"),
        (("approvals", "show", "apr_none"), "approval_not_found"),
        (("approvals", "approve", "apr_none"), "approval_not_found"),
    ],
)
def test_a_refusal_is_one_line_with_code_and_fix(arguments: tuple[str, ...], code: str, gatepost: Command) -> None:
    refused = gatepost(*arguments)
    assert refused.status == 1
    assert refused.out == ""
    assert refused.err.startswith(f"{code}: ")
    assert refused.err.count("\n") == 1


def test_a_person_approves_on_the_machine(made: tuple[Path, dict[str, Any]], data: Path, gatepost: Command) -> None:
    assert gatepost("approvals", "list", "--json").json == []
    approval, message = held(data, made[1]["key"])
    (listed,) = gatepost("approvals", "list", "--json").json
    assert (listed["id"], listed["message_id"], listed["subject"]) == (approval, message, "[red]Hi")
    assert "[red]Hi" in gatepost("approvals", "list").out
    shown = gatepost("approvals", "show", approval)
    assert "To: ann@example.net" in shown.out
    assert "Bcc: hidden@example.net" in shown.out
    assert "\x1b" not in shown.out
    assert gatepost("approvals", "show", approval, "--json").json["recipients"] == [
        "ann@example.net",
        "hidden@example.net",
    ]
    assert gatepost("approvals", "approve", approval, "--revision", "2").err.startswith("already_decided: ")
    assert gatepost("approvals", "approve", approval).status == 0
    assert gatepost("approvals", "approve", approval).err.startswith("already_decided: ")
    assert gatepost("approvals", "list", "--json").json == []


def test_a_person_rejects_on_the_machine(made: tuple[Path, dict[str, Any]], data: Path, gatepost: Command) -> None:
    approval, _ = held(data, made[1]["key"])
    assert gatepost("approvals", "reject", approval, "--reason", "Not now.").status == 0
    assert gatepost("approvals", "show", approval, "--json").json["state"] == "rejected"


def test_config_show_covers_secrets(gatepost: Command, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.setenv("GATEPOST_SECRET", "hunter2")
    shown = gatepost("config", "show", "--json")
    assert shown.json["data"] == str(data)
    assert "hunter2" not in shown.out + gatepost("config", "show").out


@pytest.mark.parametrize("secret", ["QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=", None], ids=["another", "lost"])
def test_nothing_is_done_with_a_secret_that_is_not_the_databases(
    secret: str | None, data: Path, gatepost: Command
) -> None:
    """A key made with it would be worthless once the right one is back, and so were every old key until then."""
    (data / "secret").unlink()
    if secret is not None:
        (data / "secret").write_text(secret, encoding="ascii")
    refused = gatepost("key", "create", "--name", "x", "--scope", "read")
    assert (refused.status, refused.out) == (1, "")
    assert "Put back the secret" in refused.err


def test_what_lies_in_an_open_folder_is_the_owners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Service managers make the folder themselves, and let everybody look into it."""
    tmp_path.chmod(0o755)
    init = ("init", "--domain", "agents.example.com", "--overseer", "you@example.com")
    assert ran(monkeypatch, capsys, tmp_path, *init).status == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"gatepost.db", "secret"}
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []


def test_migrate_says_when_there_is_nothing_to_do(gatepost: Command) -> None:
    assert "already" in gatepost("migrate").out


@pytest.mark.parametrize("arguments", [("key", "list"), ("config", "show"), ("serve",), ("mcp",), ("doctor",)])
def test_an_unknown_variable_stops_every_command(
    arguments: tuple[str, ...], gatepost: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEPOST_ROUT", "direct")
    stopped = gatepost(*arguments)
    assert stopped.status == 1
    assert stopped.out == ""
    assert stopped.err == "GATEPOST_ROUT is not a setting; the nearest is GATEPOST_ROUTE.\n"


def test_a_missing_data_folder_is_not_made_by_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "none"
    stopped = ran(monkeypatch, capsys, folder, "mailbox", "list")
    assert stopped.status == 1
    assert "gatepost init" in stopped.err
    assert not folder.exists()


def test_mcp_for_a_running_server_needs_a_key(gatepost: Command) -> None:
    stopped = gatepost("mcp", "--url", "http://127.0.0.1:9")
    assert stopped.status == 1
    assert stopped.out == ""
    assert "GATEPOST_KEY" in stopped.err


def test_mcp_before_anything_is_set_up(tmp_path: Path) -> None:
    # in a process of its own, which may set up where the log goes
    command = [sys.executable, "-m", "gatepost", "mcp", "--data", str(tmp_path / "fresh")]
    stopped = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert "gatepost init" in stopped.stderr


def test_help_loads_nothing_heavy() -> None:
    """Measured by what is imported and not by a clock: a busy machine is no defect."""
    heavy = "mcp uvicorn starlette cryptography pydantic pydantic_settings dns jinja2 httpx2 rich sqlite3"
    code = "import sys, server.cli; print(*(name for name in sys.argv[1:] if name in sys.modules))"
    command = [sys.executable, "-c", code, *heavy.split()]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.split() == []
