"""The operator names a second overseer, decides as the first, and looks at the life of a message."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from server.domains import new_signing_keys
from server.opening import opened
from server.settings import Settings
from storage.database import one
from storage.records import Approval
from tests.conftest import AGENT
from tools import decide
from tools.accounts import create_account, create_mailbox, list_accounts
from tools.context import Context, Principal
from tools.send import SendRequest, send

SECRET = SendRequest(to=["bea@example.com"], subject="Access\u202e", markdown="The password: hunter2+hunter3")

Run = Callable[..., str]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with an account and a mailbox."""
    monkeypatch.delenv("GATEPOST_TEST_POSTGRES", raising=False)
    # wide enough for a table, whatever terminal the tests run in
    monkeypatch.setenv("COLUMNS", "200")

    async def make() -> None:
        async with opened(Settings.load(data=tmp_path)) as context:
            account = await create_account(context, "agents.example", "boss@example.org", new_signing_keys(context))
            await create_mailbox(context, account.id, "ada", "agents.example")

    asyncio.run(make())
    return tmp_path


@pytest.fixture
def gatepost(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; what it printed."""

    def run(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["gatepost", *words, "--data", str(data)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return printed.out if not ended.value.code else printed.err

    return run


def held(data: Path) -> tuple[str, str]:
    """A mail with a secret waits; the ids of message and approval."""

    async def hand_in() -> tuple[str, str]:
        async with opened(Settings.load(data=data)) as context:
            (account,) = await list_accounts(context)
            sent = await send(context.acting_as(Principal(account.id, AGENT, "key key_1")), SECRET)
            assert sent.approval_id is not None
            return sent.message_id, sent.approval_id

    return asyncio.run(hand_in())


def approve_as(data: Path, message_id: str, person: str) -> None:
    async def work(context: Context) -> None:
        approval = await one(context.db, Approval, "approval_of_message", message_id=message_id)
        assert approval is not None
        await decide.approve(context, approval, approval.revision, person)

    async def run() -> None:
        async with opened(Settings.load(data=data)) as context:
            await work(context)

    asyncio.run(run())


def test_a_second_overseer_is_named_and_taken_back(gatepost: Run) -> None:
    assert "nobody; one approval is enough" in gatepost("account", "overseers")
    assert "vice@example.org is the second overseer" in gatepost("account", "second-overseer", "Vice@example.org")
    shown: Any = json.loads(gatepost("account", "overseers", "--json"))
    assert (shown["overseer"], shown["second_overseer"]) == ("boss@example.org", "vice@example.org")
    assert "secret" in shown["risky_rules"]
    assert "There is no second overseer now" in gatepost("account", "second-overseer", "--none")
    for wrong in ((), ("vice@example.org", "--none")):
        assert "Give an address, or --none." in gatepost("account", "second-overseer", *wrong)
    assert gatepost("account", "second-overseer", "ada@agents.example").startswith("overseer_address: ")
    assert gatepost("account", "second-overseer", "boss@example.org").startswith("same_overseer: ")


def test_the_risky_rules_are_listed_and_named(gatepost: Run) -> None:
    listed = gatepost("account", "risky-rules")
    assert "first_contact" in listed and "suppressed" in listed
    assert json.loads(gatepost("account", "risky-rules", "secret", "oversight", "--json")) == ["oversight", "secret"]
    assert gatepost("account", "risky-rules", "nonsense").startswith("unknown_rule: ")
    assert "look_alike" in json.loads(gatepost("account", "risky-rules", "--default", "--json"))


def test_the_operator_is_the_overseer_and_not_both(data: Path, gatepost: Run) -> None:
    gatepost("account", "second-overseer", "vice@example.org")
    message_id, approval_id = held(data)
    for _ in range(2):
        assert "the second overseer must approve it too" in gatepost("approvals", "approve", approval_id)
    assert "pending with 1 of 2 approvals" in gatepost("approvals", "show", approval_id)
    approve_as(data, message_id, "vice@example.org")
    assert json.loads(gatepost("approvals", "show", approval_id, "--json"))["approvals"] == "2 of 2"


def test_the_life_of_a_message(data: Path, gatepost: Run) -> None:
    gatepost("account", "second-overseer", "vice@example.org")
    message_id, approval_id = held(data)
    gatepost("approvals", "approve", approval_id)
    approve_as(data, message_id, "vice@example.org")
    life: Any = json.loads(gatepost("audit", message_id, "--json"))
    (revision,) = life["revisions"]
    assert [(each["event"], each["by"], each["digest"]) for each in life["events"]] == [
        ("message.pending_send_approval", "key key_1", revision["digest"]),
        ("approval.pending", "the system", revision["digest"]),
        ("approval.voted", "boss@example.org", revision["digest"]),
        ("approval.voted", "vice@example.org", revision["digest"]),
        ("approval.approved", "boss@example.org and vice@example.org", revision["digest"]),
    ]
    assert [each["seq"] for each in life["events"]] == sorted(each["seq"] for each in life["events"])
    printed = gatepost("audit", message_id)
    assert "It is queued." in printed and revision["digest"] in printed and "approvals: 2 of 2" in printed
    assert "\u202e" not in printed, "a subject cannot turn the letters around"
    assert gatepost("audit", "msg_none").startswith("message_not_found: ")


def test_a_key_is_made_for_one_of_the_two(gatepost: Run) -> None:
    make = ("key", "create", "--name", "vice", "--scope", "oversight", "--json", "--person", "Vice@example.org")
    assert gatepost(*make).startswith("not_overseer: ")
    gatepost("account", "second-overseer", "vice@example.org")
    assert json.loads(gatepost(*make))["person"] == "vice@example.org"
