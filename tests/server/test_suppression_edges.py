"""Suppressions over REST and on the command line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policies.suppression import Reason
from server.cli import main
from tests.conftest import World
from tests.fakes.edges import MAIL, on_sqlite, served
from tools.identity import create_key


@pytest.fixture
def gatepost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run `gatepost ARGUMENTS` on a data folder; what it printed, on stderr where it stopped."""

    def run(*arguments: str, status: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["gatepost", *arguments, "--data", str(tmp_path / "data")])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert int(ended.value.code or 0) == status, printed.err
        return printed.err if status else printed.out

    run("init", "--domain", "agents.example", "--overseer", "boss@example.org")
    return run


def test_the_operator_keeps_the_list_on_the_command_line(gatepost: Callable[..., str]) -> None:
    addresses = [f"name{number}@example.com" for number in range(101)]
    assert gatepost("suppression", "list") == "Nobody is suppressed.\n"
    added = gatepost("suppression", "add", *addresses, "--reason", "unsubscribe")
    assert added.startswith("name0@example.com is suppressed: unsubscribe.\n")
    gatepost("suppression", "add", "Gone@example.com", "--reason", "bounce", "--json")
    rows: list[dict[str, Any]] = json.loads(gatepost("suppression", "list", "--json"))
    assert {row["address"] for row in rows} == {*addresses, "gone@example.com"}
    assert "gone@example.com" in gatepost("suppression", "list", "--reason", "bounce")
    assert "hard_bounce" in gatepost("suppression", "remove", "gone@example.com", status=1)
    removed = json.loads(gatepost("suppression", "remove", "gone@example.com", "--bounced", "--json"))
    assert removed == {"address": "gone@example.com", "reason": "bounce"}
    assert "invalid_request" in gatepost("suppression", "add", "a@example.com", "--reason", "mood", status=1)


@on_sqlite
async def test_003_an_admin_key_keeps_the_list_over_rest(world: World) -> None:
    """What bounced for good stays on the list, whatever key asks."""
    await world.suppress("gone@example.com", Reason.BOUNCE)
    admin = await create_key(world.system, world.account.id, "admin", frozenset({"admin"}))
    key = {"Authorization": f"Bearer {admin.text}"}
    async with served(world) as http:
        added = await http.post("/v1/suppression", json={"addresses": ["Bea@example.com"]}, headers=key)
        assert added.json()["suppressions"][0]["reason"] == "manual"
        refused = await http.post(f"/v1/mailboxes/{world.mailbox.id}/send", json=MAIL)
        assert (refused.status_code, refused.json()["code"]) == (400, "recipient_suppressed")
        listed = await http.get("/v1/suppression", headers=key)
        assert [each["address"] for each in listed.json()["suppressions"]] == ["bea@example.com", "gone@example.com"]
        assert (await http.get("/v1/suppression")).status_code == 403
        kept = await http.delete("/v1/suppression/gone%40example.com", headers=key)
        assert (kept.status_code, kept.json()["code"]) == (403, "hard_bounce")
        assert (await http.delete("/v1/suppression/bea@example.com", headers=key)).status_code == 200
        assert (await http.delete("/v1/suppression/bea@example.com", headers=key)).status_code == 404
