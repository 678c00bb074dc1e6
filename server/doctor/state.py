"""What the database says of how it goes: sending that is stopped, mail that nobody takes, and the clock."""

from collections.abc import Collection

from server.doctor.finding import Finding
from storage.records import Account
from tools.context import MINUTE, Context
from tools.mail.address import domain_of
from tools.views import time_text

LATE = 15 * MINUTE
"""A worker takes what is due within seconds; what waits for a destination has a later time."""
AHEAD = MINUTE


async def examine_state(context: Context, accounts: list[Account], domains: Collection[str]) -> list[Finding]:
    """Findings about what is kept; `domains` are all of ours. Raises storage.errors."""
    return [
        *_overseers(accounts, domains),
        *await _sending(context, accounts),
        *await _queue(context),
        *await _clock(context, accounts),
    ]


def _overseers(accounts: list[Account], domains: Collection[str]) -> list[Finding]:
    """An agent must not read approval links, so mail for an overseer is nobody's here."""
    people = [person for each in accounts for person in (each.overseer, each.second_overseer)]
    ours = [person for person in people if domain_of(person) in domains]
    fix = "Let the domain's MX lead to the server that has the person's mailbox, or set up anew with another address."
    return [
        Finding("warn", f"overseer: {person} is at a domain of ours, and we take no mail for it", fix)
        for person in ours
    ]


async def _sending(context: Context, accounts: list[Account]) -> list[Finding]:
    found = {}
    for account in accounts:
        for row in await context.db.rows("stops", account_id=account.id):
            everybody = row["subject"] != account.id
            fix = "'gatepost start' lets everything go on."
            if row["kind"] == "paused":
                fix = f"See why in 'gatepost usage'; 'gatepost account resume {account.slug}' ends it."
            elif not everybody:
                fix = f"'gatepost start --account {account.slug}' lets it go on."
            whose = "everybody" if everybody else account.slug
            found[whose, row["kind"]] = Finding("warn", f"sending: {row['kind']} for {whose}: {row['reason']}", fix)
    return list(found.values()) or [Finding("ok", "sending: nobody is stopped or paused")]


async def _queue(context: Context) -> list[Finding]:
    ((due,),) = [tuple(row.values()) for row in await context.db.rows("next_delivery_due", closed="")]
    if due is None or due > context.now() - LATE:
        return []
    what = f"delivery: mail is due since {time_text(due)}, and nothing takes it"
    return [Finding("warn", what, "Run 'gatepost serve' (with the role delivery), and see its log.")]


async def _clock(context: Context, accounts: list[Account]) -> list[Finding]:
    """Whether time went back: what happened last lies in the future then."""
    numbers = {row["id"]: row["last_seq"] for row in await context.db.rows("accounts")}
    for account in accounts:
        last = await context.db.rows("events", account_id=account.id, after=numbers[account.id] - 1, limit=1)
        if last and last[0]["created_at"] > context.now() + AHEAD:
            what = (
                f"clock: the last event is of {time_text(last[0]['created_at'])}, and it is {time_text(context.now())}"
            )
            return [Finding("fail", what, "Set this machine's clock; let it be kept by NTP.")]
    return []
