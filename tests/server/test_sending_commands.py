"""The operator's hand on sending, and the table of limits as the settings give it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from policies.reputation import Thresholds
from policies.windows import Limits, Tier
from server.cli import main
from server.domains import new_signing_keys
from server.limits import LimitSettings
from server.opening import opened
from server.settings import Settings, SettingsError
from storage.database import Transaction
from tools.accounts import create_account, create_mailbox


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with an account and two mailboxes."""
    monkeypatch.delenv("GATEPOST_TEST_POSTGRES", raising=False)

    async def make() -> None:
        async with opened(Settings.load(data=tmp_path)) as context:
            account = await create_account(context, "agents.example", "boss@example.org", new_signing_keys(context))
            for name in ("ada", "bob"):
                await create_mailbox(context, account.id, name, "agents.example")

    asyncio.run(make())
    return tmp_path


def gatepost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, *words: str) -> str:
    """Run a command; what it printed."""
    monkeypatch.setattr("sys.argv", ["gatepost", *words, "--data", str(data)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return printed.out if not ended.value.code else printed.err


def test_stop_usage_start(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> str:
        return gatepost(monkeypatch, capsys, data, *words)

    def usage() -> Any:
        return json.loads(run("usage", "--json"))

    assert [(each["mailbox"], each["sending"]) for each in usage()] == [
        ("ada@agents.example", "on"),
        ("bob@agents.example", "on"),
    ]
    assert "stopped." in run("stop", "--reason", "A test.")
    assert "already" in run("stop")
    (found,) = json.loads(run("usage", "ada@agents.example", "--json"))
    assert found["sending"] == "stopped" and "A test." in found["reasons"][0]
    assert "agents-example is stopped" in run("stop", "--account", "agents-example")
    assert "everybody is lifted" in run("start")
    assert {each["sending"] for each in usage()} == {"stopped"}, "the account's own stop stays"
    assert "agents-example is lifted" in run("start", "--account", "agents-example")
    assert {each["sending"] for each in usage()} == {"on"}
    assert "There is no account nobody" in run("stop", "--account", "nobody")


def test_who_may_pass_an_unsubscription_and_who_is_told_of_failures(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> str:
        return gatepost(monkeypatch, capsys, data, *words)

    def marked() -> list[bool]:
        return [each["transactional"] for each in json.loads(run("mailbox", "list", "--json"))]

    assert marked() == [False, False]
    assert "may send" in run("mailbox", "transactional", "ada@agents.example")
    assert marked() == [True, False]
    assert "no longer" in run("mailbox", "transactional", "ada@agents.example", "--off")
    assert marked() == [False, False]
    assert "go to ops@example.net" in run("domain", "forward-to", "agents.example", "ops@example.net")
    assert "go to postmaster@agents.example" in run("domain", "forward-to", "agents.example")
    assert "domain_not_found" in run("domain", "forward-to", "other.example", "ops@example.net")


def test_000_13_the_operator_ends_a_pause(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """000-13: un-pause by an operator."""

    async def pause() -> None:
        async with opened(Settings.load(data=data)) as context:
            (account,) = await context.db.rows("accounts")

            async def work(transaction: Transaction) -> None:
                await transaction.run("insert_stop", subject=account["id"], kind="paused", reason="x", created_at=1)

            await context.db.write(work)

    asyncio.run(pause())
    assert "sends again" in gatepost(monkeypatch, capsys, data, "account", "resume", "agents-example")
    assert "was not paused" in gatepost(monkeypatch, capsys, data, "account", "resume", "agents-example")


@pytest.mark.parametrize(
    ("flags", "warming"),
    [
        ({"route": "capture"}, False),
        ({"route": "relay", "relay_host": "mx.example"}, False),
        ({"route": "direct"}, True),
        ({"route": "direct", "direct_private": True}, False),
    ],
)
def test_warming_holds_where_a_reputation_is_at_stake(tmp_path: Path, flags: dict[str, Any], warming: bool) -> None:
    settings = Settings.load(data=tmp_path, **flags)
    table = settings.limits.table(reputation_at_stake=settings.meets_strangers)
    assert (table != Limits()) == warming
    if warming:
        assert table.domain_tiers == (Tier(1, 2, 10), Tier(8, 10, 50), Tier(15, 100, 1000))
        assert [tier.per_day for tier in table.mailbox_tiers] == [10, 20, 40, 80, 150, 250, 400, None]


def test_the_table_is_toml(tmp_path: Path) -> None:
    (tmp_path / "gatepost.toml").write_text(
        "[limits]\nwarming = true\nmailbox_per_day = 150\ndomain_tiers = []\n"
        "mailbox_tiers = [{ from_day = 1, per_day = 5 }, { from_day = 3 }]\npause_sample = 20\n",
        encoding="utf-8",
    )
    limits = Settings.load(data=tmp_path).limits
    assert limits.table(reputation_at_stake=False) == Limits(
        mailbox_tiers=(Tier(1, None, 5), Tier(3)), mailbox_per_day=150
    )
    assert limits.thresholds() == Thresholds(sample=20)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mailbox_per_dya = 3", "limits.mailbox_per_dya is not a setting; the nearest is limits.mailbox_per_day"),
        ("domain_tiers = [{ from_day = 2 }]", "tiers begin with from_day = 1"),
        ("domain_tiers = [{ from_day = 1 }, { from_day = 1 }]", "each begins later"),
        ("pause_bounces = 2", "limits.pause_bounces cannot be used"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "gatepost.toml").write_text(f"[limits]\n{text}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=told.replace("(", r"\(")):
        Settings.load(data=tmp_path)


def test_without_a_word_every_tier_begins_on_the_first_day() -> None:
    table = LimitSettings().table(reputation_at_stake=True)
    assert table.mailbox_tiers[0].from_day == table.domain_tiers[0].from_day == 1
