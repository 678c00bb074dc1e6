"""Search, tags, places and contacts over HTTP: their paths, methods and statuses."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.conftest import World
from tests.fakes.edges import on_sqlite
from tests.server.test_rest import client, path
from tests.tools.test_move_message import arrived
from tools.identity import create_key
from tools.indexing import index_all

pytestmark = on_sqlite


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(world.system, world.key) as found:
        yield found


async def test_a_mail_is_found_tagged_and_deleted(world: World, http: httpx2.AsyncClient) -> None:
    named = {"message_id": await arrived(world)}
    await index_all(world.system)
    (hit,) = (await http.get(path(world, "search"), params={"query": "text -other"})).json()["messages"]
    assert hit["message_id"] == named["message_id"]
    put = await http.put(path(world, "tag", **named), json={"tags": {"customer": "acme", "done": ""}})
    assert (put.status_code, put.json()["tags"]) == (200, {"customer": "acme", "done": ""})
    gone = await http.delete(path(world, "untag", name="done", **named))
    assert gone.json()["tags"] == {"customer": "acme"}
    assert (await http.get(path(world, "get_tags", **named))).json()["tags"] == {"customer": "acme"}
    deleted = await http.delete(path(world, "delete_message", **named))
    assert deleted.json()["status"] == "deleted"
    assert (await http.get(path(world, "search"), params={"query": "text"})).json()["messages"] == []
    back = await http.post(path(world, "move_message", **named), json={"to": "inbox"})
    assert back.json()["status"] == "unread"


@pytest.mark.parametrize("query", ["", "a " * 33, "x" * 32_000, "is:nothing", "\0"])
async def test_what_cannot_be_looked_for_is_a_bad_request(http: httpx2.AsyncClient, world: World, query: str) -> None:
    """However long or odd the query is, the answer is 400 (promises: E9)."""
    answer = await http.get(path(world, "search"), params={"query": query})
    assert answer.status_code == 400 and answer.json()["code"] in ("invalid_query", "invalid_request")


async def test_contacts_are_kept_over_http(http: httpx2.AsyncClient) -> None:
    made = await http.post("/v1/contacts", json={"email": "Zoë <z@example.com>", "notes": "Tea."})
    assert made.status_code == 200
    assert (await http.get("/v1/contacts", params={"q": "zoe"})).json()["contacts"] == [made.json()]
    assert (await http.get("/v1/contacts/z@example.com")).json() == made.json()
    assert (await http.delete("/v1/contacts/z@example.com")).status_code == 200
    assert (await http.get("/v1/contacts/z@example.com")).status_code == 404


async def test_passing_on_is_set_and_seen_by_who_oversees(world: World, http: httpx2.AsyncClient) -> None:
    made = await create_key(world.system, world.account.id, "boss", frozenset({"oversight"}))
    address = path(world, "set_forwarding")
    assert path(world, "get_forwarding") == address
    async with client(world.system, made.text) as person:
        assert (await person.get(address)).json()["status"] == "off"
        told = (await person.post(address, json={"target": world.overseer})).json()
        assert told["status"] == "unconfirmed" and (await person.get(address)).json() == told
        for expected in (200, 200, 429):
            answer = await person.post(address, json={"target": world.overseer})
            assert answer.status_code == expected
        assert int(answer.headers["Retry-After"]) > 0
        assert (await person.post(address, json={"target": None})).json()["status"] == "off"
    for answer in (await http.get(address), await http.post(address, json={"target": world.overseer})):
        assert answer.status_code == 403, "it is nothing for agents"


async def test_a_key_that_only_reads_neither_tags_nor_deletes(world: World) -> None:
    made = await create_key(world.system, world.account.id, "reader", frozenset({"read"}), world.mailbox.id)
    named = {"message_id": await arrived(world)}
    async with client(world.system, made.text) as http:
        answers = [
            await http.put(path(world, "tag", **named), json={"tags": {"a": ""}}),
            await http.delete(path(world, "delete_message", **named)),
            await http.post("/v1/contacts", json={"email": "z@example.com"}),
        ]
        assert [answer.status_code for answer in answers] == [403] * 3
        assert (await http.get(path(world, "get_tags", **named))).status_code == 200
