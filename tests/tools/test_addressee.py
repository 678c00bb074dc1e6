"""Whose an address is."""

from tests.conftest import World, make_world
from tools.accounts import create_mailbox
from tools.addressee import addressee
from tools.domains import take_in

DOMAIN = "agents.example"


async def found(world: World, local: str, domain: str = DOMAIN) -> tuple[str, str, str] | None:
    """Mailbox, address and tag; None for nobody."""
    who = await addressee(world.system.db, f"{local}@{domain}")
    return (who.mailbox.address, who.address, who.tag) if who else None


async def test_a_tag_leads_to_the_mailbox_before_the_plus(world: World) -> None:
    ada = f"ada@{DOMAIN}"
    assert await found(world, "ADA") == (ada, ada, "")
    assert await found(world, "Ada+Shop") == (ada, f"ada+shop@{DOMAIN}", "shop")
    assert await found(world, "ada+a+b") == (ada, f"ada+a+b@{DOMAIN}", "a+b")
    for nobody in ("bob+shop", "+ada", "ada+", "a+da"):
        assert await found(world, nobody) is None
    assert await found(world, "ada", "elsewhere.example") is None


async def test_postmaster_and_abuse_are_somebody_at_each_domain(world: World) -> None:
    bob = await create_mailbox(world.system, world.account.id, "bob", DOMAIN)
    for role in ("postmaster", "Abuse"):
        assert await found(world, role) == (f"ada@{DOMAIN}", f"{role.lower()}@{DOMAIN}", "")
    await take_in(world.system, world.account.id, DOMAIN, "postmaster", bob)
    assert (await found(world, "postmaster") or ("",))[0] == bob.address
    await take_in(world.system, world.account.id, DOMAIN, "postmaster", None)
    assert (await found(world, "postmaster") or ("",))[0] == f"ada@{DOMAIN}"
    assert await found(world, "postmaster", "elsewhere.example") is None


async def test_a_catch_all_takes_what_is_for_nobody(world: World) -> None:
    bob = await create_mailbox(world.system, world.account.id, "bob", DOMAIN)
    other = await make_world(world.system, world.clock, "other.example")
    await take_in(world.system, world.account.id, DOMAIN, "catch_all", bob)
    for local in ("nobody", "nobody+shop", "postmaster"):
        assert (await found(world, local) or ("",))[0] == bob.address
    assert (await found(world, "ada") or ("",))[0] == f"ada@{DOMAIN}"
    assert await found(world, "nobody", "other.example") is None
    assert other.mailbox.address == "ada@other.example"


async def test_mail_to_an_overseer_is_never_an_agents(world: World) -> None:
    # the overseer of the second account reads mail at the first one's domain, by another server
    await make_world(world.system, world.clock, "third.example")
    await take_in(world.system, world.account.id, DOMAIN, "catch_all", world.mailbox)
    await world.system.db.script(f"UPDATE account SET overseer = 'ada+boss@{DOMAIN}' WHERE slug = 'third-example';")
    assert await found(world, "ada+boss") is None
    assert await found(world, "ada+other") is not None
