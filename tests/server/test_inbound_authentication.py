"""Over the wire and the DNS: who brings a mail is verified before the 250, and a forgery refused where all want it."""

from dataclasses import replace
from pathlib import Path

import pytest
from dns.resolver import NoResolverConfiguration

from server.delivery.names import Names
from server.dns import LiveResolver
from server.settings import Settings
from server.verifying import authenticator_of
from tests.conftest import World
from tests.e2e.listener import greeted, stored
from tests.fakes.dns_server import FakeDNSServer, Zone
from tools.accounts import create_mailbox
from tools.context import Principal
from tools.dmarc_policy import DmarcPolicyRequest, set_dmarc_policy
from tools.errors import Refusal
from tools.mail.auth.authenticator import Authenticator
from tools.receive import Arrival, receive

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)

ADA = "ada@agents.example"
ZONE: Zone = {
    "example.net": {"TXT": ['"v=spf1 ip4:127.0.0.1 -all"']},
    "_dmarc.example.net": {"TXT": ['"v=DMARC1; p=reject"']},
    "bank.example": {"TXT": ['"v=spf1 -all"']},
    "_dmarc.bank.example": {"TXT": ['"v=DMARC1; p=reject"']},
    "_dmarc.slow.example": None,
    "signs.example": None,
    "_dmarc.signs.example": {"TXT": ['"v=DMARC1; p=reject"']},
    "watches.example": None,
    "_dmarc.watches.example": {"TXT": ['"v=DMARC1; p=none"']},
}


def mail(author: str) -> bytes:
    return f"From: {author}\r\nTo: {ADA}\r\nSubject: Hello\r\n\r\nGood morning\r\n".encode()


def verified_by(world: World, server: FakeDNSServer) -> World:
    """The world with mail verified through the resolver on loopback."""
    authenticator = Authenticator(LiveResolver(Names(server.resolver)), clock=world.system.clock, local=True)
    return replace(world, system=replace(world.system, authenticator=authenticator))


async def rejecting(world: World) -> None:
    admin = world.system.acting_as(Principal(world.account.id, frozenset({"admin"}), "key key_1"))
    await set_dmarc_policy(admin, DmarcPolicyRequest(policy="reject", mailbox_id=world.mailbox.id))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_forgery_is_refused_with_its_code_and_the_line_stays_open(world: World) -> None:
    async with FakeDNSServer(ZONE) as server:
        world = verified_by(world, server)
        await rejecting(world)
        async with greeted(world) as talk:
            assert (await talk.mail(mail("service@bank.example"), ADA)).startswith("550 5.7.26 ")
            assert await stored(world) == []
            assert (await talk.mail(mail("bea@example.net"), ADA)).startswith("250 ")
    [raw] = await stored(world)
    assert raw.startswith(b"Authentication-Results: ")
    assert b"spf=pass smtp.mailfrom=example.net" in raw
    assert b"dmarc=pass header.from=example.net" in raw


async def test_one_recipient_who_takes_it_takes_it_for_all(world: World) -> None:
    other = await create_mailbox(world.system, world.account.id, "bob", "agents.example")
    async with FakeDNSServer(ZONE) as server:
        world = verified_by(world, server)
        await rejecting(world)
        async with greeted(world) as talk:
            reply = await talk.mail(mail("service@bank.example"), ADA, other.address)
    assert reply.startswith("250 ")
    assert await stored(world) == []
    assert len(await stored(replace(world, mailbox=other))) == 1


async def test_a_dns_that_does_not_answer_refuses_nothing(world: World) -> None:
    async with FakeDNSServer(ZONE) as server:
        world = verified_by(world, server)
        await rejecting(world)
        async with greeted(world) as talk:
            assert (await talk.mail(mail("service@slow.example"), ADA)).startswith("250 ")
    [raw] = await stored(world)
    assert b"dmarc=temperror" in raw


def deferring(world: World) -> World:
    """The world where mail waits for the DNS to tell what its author's domain asks for."""
    return replace(world, system=replace(world.system, site=replace(world.system.site, defer_unknown=True)))


@pytest.mark.parametrize(
    ("author", "code"),
    [
        ("service@slow.example", "451 4.7.0 "),  # its record
        ("service@signs.example", "451 4.7.0 "),  # who vouches: its policy is known, and it is reject
        ("service@watches.example", "250 2.0.0 "),  # the same, and it asks for nothing
        ("service@bank.example", "550 5.7.26 "),
        ("bea@example.net", "250 2.0.0 "),
    ],
)
async def test_mail_waits_for_the_dns_where_the_operator_wants_that(world: World, author: str, code: str) -> None:
    async with FakeDNSServer(ZONE) as server:
        world = deferring(verified_by(world, server))
        await rejecting(world)
        sender = author if "signs" in author or "watches" in author else "bea@example.net"
        async with greeted(world) as talk:
            await talk.begin(ADA, sender=sender)
            await talk.send(mail(author) + b".\r\n")
            assert (await talk.reply()).startswith(code)
    assert len(await stored(world)) == code.startswith("250")


async def test_it_does_not_wait_where_a_mailbox_takes_forgeries_too(world: World) -> None:
    other = await create_mailbox(world.system, world.account.id, "bob", "agents.example")
    async with FakeDNSServer(ZONE) as server:
        world = deferring(verified_by(world, server))
        async with greeted(world) as talk:
            assert (await talk.mail(mail("service@slow.example"), ADA)).startswith("250 ")
            await rejecting(world)
            assert (await talk.mail(mail("service@slow.example"), ADA, other.address)).startswith("250 ")
            assert (await talk.mail(mail("service@slow.example"), ADA)).startswith("451 ")


async def test_what_was_taken_elsewhere_does_not_wait(world: World) -> None:
    """A forwarding service has said 250 to the sender: it could only send a bounce, to whom the mail may forge."""
    arrival = Arrival(
        "bea@example.net", (ADA,), mail("service@slow.example"), {"ip": "192.0.2.7"}, "msg_1", accepted=True
    )
    async with FakeDNSServer(ZONE) as server:
        world = deferring(verified_by(world, server))
        await rejecting(world)
        assert await receive(world.system, arrival)
        with pytest.raises(Refusal, match="cannot be looked up just now"):
            await receive(world.system, replace(arrival, id="", accepted=False))


@pytest.mark.parametrize(("resolver", "concerns"), [(None, False), ("127.0.0.1:53", True)])
def test_this_machine_is_verified_where_the_settings_name_a_resolver(
    world: World, resolver: str | None, concerns: bool
) -> None:
    authenticator = authenticator_of(Settings(resolver=resolver), world.system.clock)
    assert authenticator is not None
    assert authenticator.concerns("127.0.0.1") is concerns
    assert authenticator.concerns("192.0.2.1")


def test_a_machine_without_a_dns_keeps_its_mail_unverified(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_named(*_: object, **__: object) -> Names:
        raise NoResolverConfiguration

    monkeypatch.setattr("server.verifying.names_of", none_named)
    assert authenticator_of(Settings(), world.system.clock) is None


async def test_a_large_forgery_that_is_refused_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    async with FakeDNSServer(ZONE) as server:
        world = verified_by(world, server)
        await rejecting(world)
        async with greeted(world) as talk:
            raw = mail("service@bank.example") + b"x" * 60 + b"\r\n" + (b"y" * 70 + b"\r\n") * 8000
            assert (await talk.mail(raw, ADA)).startswith("550 5.7.26 ")
            assert not files(tmp_path / "blobs")
            assert (await talk.mail(raw.replace(b"service@bank.example", b"bea@example.net"), ADA)).startswith("250 ")
    assert len(files(tmp_path / "blobs")) == 1
