"""Contacts: who mail came from and went to, what was noted, and no way around the first-contact rule."""

import pytest

from policies.modes import Mode
from tests.conftest import World, make_world
from tests.tools.test_move_message import arrived
from tools import contacts
from tools.contacts import (
    Contact,
    ContactRequest,
    ContactsRequest,
    SaveContactRequest,
    forget_contact,
    get_contact,
    list_contacts,
    save_contact,
)
from tools.errors import Refusal
from tools.send import SendRequest, send


async def everybody(world: World, **more: object) -> list[str]:
    page = await list_contacts(world.context, ContactsRequest.model_validate(more))
    return [contact.email for contact in page.contacts]


async def save(world: World, email: str, name: str = "", notes: str = "") -> Contact:
    return await save_contact(world.context, SaveContactRequest(email=email, name=name, notes=notes))


async def test_contacts_are_who_wrote_who_was_written_to_and_who_was_noted(world: World) -> None:
    await world.in_mode(Mode.AUTONOMOUS)
    await arrived(world)
    await send(world.context, SendRequest(to=["b@example.com"], subject="Hi", markdown="x"))
    noted = await save(world, "Zoë Ö <Z@Example.com>", notes="Likes tea.")
    assert noted == Contact(email="z@example.com", name="Zoë Ö", notes="Likes tea.", met_at=None)
    assert await everybody(world) == ["a@example.com", "b@example.com", "z@example.com"]
    known = await get_contact(world.context, ContactRequest(address="A@example.com"))
    assert known.met_at is not None and known.name == ""


async def test_a_note_is_changed_and_forgotten_and_the_acquaintance_stays(world: World) -> None:
    await arrived(world)
    await save(world, "a@example.com", "Ann", "old")
    assert (await save(world, "a@example.com", "Ann", "new")).notes == "new"
    left = await forget_contact(world.context, ContactRequest(address="a@example.com"))
    assert left.met_at and left == await get_contact(world.context, ContactRequest(address="a@example.com"))
    await save(world, "c@example.com")
    await forget_contact(world.context, ContactRequest(address="c@example.com"))
    for act in (get_contact, forget_contact):
        with pytest.raises(Refusal) as refused:
            await act(world.context, ContactRequest(address="c@example.com"))
        assert refused.value.code == "contact_not_found"


async def test_contacts_are_found_by_parts_of_name_and_address(world: World) -> None:
    await save(world, "one@example.com", "Zoë Smith")
    await save(world, "two_x@example.org", "Bob 100%")
    assert await everybody(world, q="ZOE sm") == ["one@example.com"] == await everybody(world, q="ONE@")
    assert await everybody(world, q="o_x") == ["two_x@example.org"]
    assert await everybody(world, q="o%m") == [] == await everybody(world, q="%_%")
    assert await everybody(world, q="100%") == ["two_x@example.org"]


async def test_pages_go_on_where_the_last_ended(world: World) -> None:
    for number in range(5):
        await save(world, f"p{number}@example.com")
    first = await list_contacts(world.context, ContactsRequest(limit=3))
    rest = await everybody(world, limit=3, cursor=first.next_cursor)
    assert [contact.email for contact in first.contacts] + rest == [f"p{number}@example.com" for number in range(5)]


async def test_a_note_lets_nobody_past_the_gate(world: World) -> None:
    """Whether a recipient is new is told by mail alone; an agent must not make somebody known by noting them."""
    await save(world, "stranger@example.com", "An old friend")
    stranger = await world.acquaintance("stranger@example.com")
    assert not stranger["known"] and not stranger["domain_known"]


async def test_another_mailbox_sees_nothing_of_it(world: World) -> None:
    await save(world, "z@example.com", "Zoë", "secret")
    other = await make_world(world.system, world.clock, "others.example")
    assert await everybody(other) == []
    with pytest.raises(Refusal) as refused:
        await everybody(other, mailbox_id=world.mailbox.id)
    assert refused.value.code == "mailbox_not_found"


async def test_there_is_an_end_to_notes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contacts, "MOST", 2)
    for number in range(2):
        await save(world, f"p{number}@example.com")
    with pytest.raises(Refusal) as refused:
        await save(world, "p3@example.com")
    assert refused.value.code == "too_many_contacts"
    assert len(await everybody(world)) == 2
