"""How an overseer signs in: a mailed one-time link, and a session that is a row of the database."""

import base64
from dataclasses import dataclass

from storage.database import Transaction, columns, many, one
from storage.records import Account, Session, SignIn
from tools import approvals, events
from tools.context import HOUR, MINUTE, Context
from tools.errors import Refusal
from tools.mail.address import AddressError, canonical, parse_address
from tools.quorum import oversight_of

LINK_LIFE = 15 * MINUTE
SESSION_LIFE = 12 * HOUR
REQUESTS_AN_HOUR = 5


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session just begun; `token` is the cookie's value and never seen again."""

    token: str
    session: Session


async def request_sign_in(context: Context, email: str) -> None:
    """Mail a link to the overseer at that address, if there is one; the caller learns nothing either way."""
    try:
        overseer = canonical(parse_address(email).email)
    except AddressError:
        return
    for account in await many(context.db, Account, "account_of_overseer", overseer=overseer):
        try:
            await _mail_link(context, account, overseer)
        except Refusal:
            # more than enough mails are on their way; saying so would say that the address is known
            continue


async def first_sign_in_link(context: Context, account: Account) -> str:
    """A sign-in link for the server's operator to open, before any mail can leave: the full URL."""
    row = _sign_in(context, account, account.overseer)

    async def work(transaction: Transaction) -> None:
        await transaction.run("insert_sign_in", **columns(row))

    await context.db.write(work)
    return sign_in_url(context, row.id)


def sign_in_url(context: Context, sign_in_id: str) -> str:
    """The link of a sign-in; its token is derived, so that the notice can be rendered again after a crash."""
    return f"{context.site.base_url}/sign-in/{_token(context, sign_in_id)}"


async def redeem(context: Context, token: str) -> SignedIn:
    """Use a sign-in link up and begin a session. Raises Refusal link_invalid, link_expired."""
    found = await one(context.db, SignIn, "sign_in_by_hash", hash=context.secret.hash(token))
    if found is None:
        raise Refusal("link_invalid")
    now = context.now()
    cookie = base64.urlsafe_b64encode(context.random(32)).decode().rstrip("=")
    session = Session(context.secret.hash(cookie), found.account_id, found.email, now, now + SESSION_LIFE)

    async def work(transaction: Transaction) -> None:
        if found.expires_at <= now or not await transaction.run("use_sign_in", id=found.id, now=now):
            raise Refusal("link_expired", "A sign-in link works once and for 15 minutes.")
        await transaction.run("end_old_sessions", now=now)
        await transaction.run("insert_session", **columns(session))
        await events.record(transaction, now, session.account_id, "session.started")

    await context.db.write(work)
    return SignedIn(cookie, session)


async def session_of(context: Context, token: str) -> Session | None:
    """The session a cookie stands for; None when it ended, or when its person is an overseer no longer."""
    session = await one(context.db, Session, "session", hash=context.secret.hash(token), now=context.now())
    if session is None:
        return None
    oversight = await oversight_of(context.db, session.account_id)
    return session if session.email in oversight.overseers else None


async def sign_out(context: Context, session: Session) -> None:
    """End the session at once."""

    async def work(transaction: Transaction) -> None:
        if await transaction.run("end_session", hash=session.hash):
            await events.record(transaction, context.now(), session.account_id, "session.ended")

    await context.db.write(work)


async def _mail_link(context: Context, account: Account, overseer: str) -> None:
    row = _sign_in(context, account, overseer)

    async def work(transaction: Transaction) -> None:
        # the event's number locks the account's row, so requests of one instant are counted one after another
        await events.record(transaction, row.created_at, account.id, "sign_in.requested")
        since = row.created_at - HOUR
        counted = await transaction.rows("sign_ins_since", account_id=account.id, since=since)
        if counted[0]["requests"] >= REQUESTS_AN_HOUR:
            raise Refusal("rate_limited")
        await transaction.run("insert_sign_in", **columns(row))
        await approvals.notify(context, transaction, account.id, "sign_in", row.email, row.id)

    await context.db.write(work)


def _sign_in(context: Context, account: Account, overseer: str) -> SignIn:
    id_ = context.new_id("sgn")
    now = context.now()
    hash_ = context.secret.hash(_token(context, id_))
    return SignIn(id_, account.id, overseer, hash_, now, now + LINK_LIFE)


def _token(context: Context, sign_in_id: str) -> str:
    return context.secret.token("sign-in", sign_in_id)
