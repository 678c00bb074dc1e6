"""Deciding with a key: over REST and MCP, once for each person, and never with the key of an agent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from storage.records import Approval
from tests.conftest import World, make_world
from tests.fakes.edges import facts, on_sqlite, served, talking_http
from tests.fakes.web import held
from tools.errors import Refusal
from tools.identity import create_key
from tools.overseers import name_second_overseer

pytestmark = on_sqlite

VICE = "vice@example.org"
SECRET = "The password: hunter2+hunter3"
PENDING, DECIDE = "/v1/oversight/pending", "/v1/oversight/decide"


async def key_of(world: World, person: str = "", scope: str = "oversight", mailbox_id: str | None = None) -> str:
    """A key that decides, of one person."""
    return (
        await create_key(world.system, world.account.id, "person", frozenset({scope}), mailbox_id, person=person)
    ).text


@asynccontextmanager
async def using(http: httpx2.AsyncClient, key: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the same server with another key."""
    async with httpx2.AsyncClient(base_url=http.base_url, headers={"Authorization": f"Bearer {key}"}) as other:
        yield other


def verdict(approval: Approval, action: str = "approve", **more: object) -> dict[str, Any]:
    return {"message_id": approval.message_id, "revision": approval.revision, "action": action, **more}


async def test_two_people_approve_over_rest_and_over_mcp(world: World) -> None:
    await name_second_overseer(world.system, world.account, VICE, "the operator")
    first, again, second = await key_of(world), await key_of(world, world.overseer), await key_of(world, VICE.title())
    approval = await held(world, markdown=SECRET, bcc=["dora@example.com"])
    async with served(world) as http:
        async with using(http, first) as boss:
            (shown,) = (await boss.get(PENDING)).json()["pending"]
            assert shown["recipients"] == ["bea@example.com", "dora@example.com"] and shown["approvals"] == "0 of 2"
            assert shown["text_untrusted"].strip() == SECRET and "secret" in "".join(shown["why"])
            one = await boss.post(DECIDE, json=verdict(approval))
            assert (one.status_code, one.json()["state"], one.json()["approvals"]) == (200, "pending", "1 of 2")
        async with using(http, again) as boss:
            assert (await boss.post(DECIDE, json=verdict(approval))).json()["approvals"] == "1 of 2", "the same person"
        async with using(http, second) as vice, talking_http(vice, "auto") as client:
            listed = facts(await client.call_tool("list_pending", {}))["pending"]
            assert [(each["digest"], each["approvals"]) for each in listed] == [(shown["digest"], "1 of 2")]
            done = facts(await client.call_tool("decide", verdict(approval)))
            assert (done["status"], done["state"], done["approvals"]) == ("queued", "approved", "2 of 2")
            assert facts(await client.call_tool("list_pending", {}))["pending"] == []


async def test_a_list_that_is_not_all_says_so(world: World) -> None:
    for number in range(2):
        await held(world, subject=f"Mail {number}")
    async with served(world) as http, using(http, await key_of(world)) as boss:
        for limit, more in ((1, True), (2, False)):
            page = (await boss.get(PENDING, params={"limit": limit})).json()
            assert len(page["pending"]) == limit and ("more waits" in page["next"]) == more


async def test_a_rejection_ends_it_and_a_second_decision_is_409(world: World) -> None:
    approval = await held(world)
    async with served(world) as http, using(http, await key_of(world)) as boss:
        stale = await boss.post(DECIDE, json=verdict(approval) | {"revision": 2})
        assert (stale.status_code, stale.json()["code"]) == (409, "already_decided")
        rejected = await boss.post(DECIDE, json=verdict(approval, "reject", reason="No"))
        assert (rejected.json()["status"], rejected.json()["state"]) == ("rejected", "rejected")
        assert (await boss.post(DECIDE, json=verdict(approval))).status_code == 409
        told = (await http.get(f"/v1/mailboxes/{world.mailbox.id}/emails/{approval.message_id}/status")).json()
    assert told["approval"]["reason"] == "No"


async def test_no_other_key_decides_or_sees_what_waits(world: World) -> None:
    approval = await held(world)
    async with served(world) as http:
        assert (await http.get(PENDING)).status_code == 403
        assert (await http.post(DECIDE, json=verdict(approval))).status_code == 403
        async with using(http, await key_of(world, scope="oversight_read")) as reader:
            assert len((await reader.get(PENDING)).json()["pending"]) == 1
            assert (await reader.post(DECIDE, json=verdict(approval))).status_code == 403
        async with using(http, await key_of(world, scope="admin")) as admin:
            assert (await admin.post(DECIDE, json=verdict(approval))).status_code == 403


async def test_another_account_or_mailbox_answers_as_nothing(world: World) -> None:
    other = await make_world(world.system, world.clock, "others.example")
    mine, theirs = await held(world), await held(other)
    async with served(world) as http:
        for key, approval in (
            (await key_of(world), theirs),
            (await key_of(other, mailbox_id=other.mailbox.id), mine),
        ):
            async with using(http, key) as person:
                refused = await person.post(DECIDE, json=verdict(approval))
                assert (refused.status_code, refused.json()["code"]) == (404, "approval_not_found")
                pending = (await person.get(PENDING)).json()["pending"]
                assert approval.message_id not in [each["message_id"] for each in pending] and len(pending) == 1


async def test_a_key_is_the_hand_of_an_overseer_as_long_as_they_are_one(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        await key_of(world, VICE)
    assert refused.value.code == "not_overseer"
    await name_second_overseer(world.system, world.account, VICE, "the operator")
    key = await key_of(world, VICE)
    await name_second_overseer(world.system, world.account, None, "the operator")
    approval = await held(world)
    async with served(world) as http, using(http, key) as vice:
        late = await vice.post(DECIDE, json=verdict(approval))
        assert (late.status_code, late.json()["code"]) == (403, "not_overseer")
