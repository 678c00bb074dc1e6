"""C5: nobody but this server speaks in its name about where a mail is from."""

from dataclasses import replace

from tests.conftest import World
from tests.tools.test_authentication import EVIL, arrive, mail, stored, verifying, zone
from tools.wires import raw_of


async def test_what_others_wrote_in_our_name_is_gone_and_ours_is_on_top(world: World) -> None:
    site = replace(world.system.site, hostname="mx.agents.example")
    context = verifying(replace(world.system, site=site), zone())
    claim = b"Authentication-Results: (c) MX.Agents.Example 1;\r\n dmarc=pass header.from=bank.example\r\n"
    rest = b"Authentication-Results: mx.evil.example; dmarc=pass\r\n" + mail()
    await arrive(context, world.mailbox.address, ip=EVIL, envelope="x@evil.example", raw=claim + rest)
    [message] = await stored(context, world.mailbox)
    kept = await raw_of(context, message.id, message.revision)
    assert kept.removesuffix(rest) == (
        b"Authentication-Results: mx.agents.example;\r\n"
        b"\tspf=pass smtp.mailfrom=evil.example;\r\n"
        b"\tdkim=none;\r\n"
        b"\tdmarc=fail header.from=bank.example;\r\n"
        b"\tarc=none\r\n"
    )
