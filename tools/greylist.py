"""Greylisting: an unknown network is asked to come again, which programs that send spam seldom do."""

from storage.database import Transaction
from tools.context import DAY, MINUTE, Context
from tools.mail.address import canonical
from tools.mail.network import network_of

IPV4_BITS = 24
UNSURE_FOR = 2 * DAY
"""So long a second try is waited for."""
NOTED_EVERY = DAY
"""How often it is written down that a good network was heard of: each mail would cost a commit."""
GOOD_FOR = 36 * DAY
"""A network that has passed, and is not heard of for so long, is unknown again: mail that comes monthly passes."""


async def must_wait(context: Context, ip: str, sender: str, recipient: str, minutes: int) -> bool:
    """Whether this attempt comes before its time; it is remembered. Raises Unavailable."""
    now = context.now()
    key = {
        "network": network_of(ip, v4=IPV4_BITS),
        "sender": canonical(sender),
        "recipient": canonical(recipient),
    }
    found = (await context.db.rows("greylisted", **key))[0]
    if found["good_at"] is not None:
        if now > found["good_at"] + NOTED_EVERY:
            await context.db.write(
                lambda transaction: transaction.run("greylist_heard_of", network=key["network"], now=now)
            )
        return False
    ripe = found["first_at"] is not None and now >= found["first_at"] + minutes * MINUTE

    async def work(transaction: Transaction) -> None:
        if ripe:
            await transaction.run("greylist_passed", **key, now=now)
        else:
            await transaction.run("greylist", **key, now=now)

    await context.db.write(work)
    return not ripe


async def forget(context: Context) -> None:
    """Forget those who never came again, and those who have been away for long. Raises Unavailable."""

    async def work(transaction: Transaction) -> None:
        now = context.now()
        await transaction.run("greylist_forget", unsure_before=now - UNSURE_FOR, good_before=now - GOOD_FOR)

    await context.db.write(work)
