"""What TLS reports are made of (RFC 8460), kept until they are sent: sessions by day and domain, and the reports."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from storage.database import Transaction, columns, many
from storage.records import TlsReport, TlsSession
from tools.context import DAY, HOUR, MINUTE, Context

AT_ONCE = 200
"""Rows that are written in one unit of work, so that mail in between need not wait for long."""
MOST_ROWS = 1_000
"""Rows of a report, those with the most sessions; with policies of `MOST_POLICY` bytes it stays under 5 MB."""
MOST_POLICY = 4_096
SETTLE = 15 * MINUTE
"""How long after midnight the last sessions of a day may still come in from another process."""
SPREAD = 4 * HOUR
"""Reports to a domain shall not arrive from everybody at once (section 4.1)."""
RETRY = HOUR // 2
"""After the first try; twice as long after each other."""
GIVE_UP = DAY
"""Section 5.5."""
KEEP_DAYS = 3

State = Literal["sent", "deferred", "unwanted", "failed"]


def session(day: str, domain: str, policy: Mapping[str, object], host: str, result: str, count: int) -> TlsSession:
    """Sessions to be kept. `policy` has `type`, `strings` and `mx`; of one that is too long the type alone is kept."""
    text = json.dumps(policy)
    if len(text) > MOST_POLICY:
        text = json.dumps({"type": policy["type"], "strings": [], "mx": []})
    return TlsSession(day, domain, hashlib.sha256(text.encode()).hexdigest(), text, host, result, count)


async def keep(context: Context, sessions: Sequence[TlsSession]) -> None:
    """Add to what is counted, and plan the report of each day and domain. Raises Unavailable."""
    # in one order everywhere, or two processes would wait for each other's rows
    ordered = sorted(sessions, key=lambda each: (each.day, each.domain, each.policy_hash, each.host, each.result))
    for start in range(0, len(ordered), AT_ONCE):
        await _add(context, ordered[start : start + AT_ONCE])


async def _add(context: Context, sessions: Sequence[TlsSession]) -> None:
    async def work(transaction: Transaction) -> None:
        for each in sessions:
            await transaction.run("add_tls_sessions", **columns(each))
        for day, domain in dict.fromkeys((each.day, each.domain) for each in sessions):
            await transaction.run("expect_tls_report", **columns(_planned(context, day, domain)))

    await context.db.write(work)


def _planned(context: Context, day: str, domain: str) -> TlsReport:
    ends = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000 + DAY
    spread = SPREAD * int.from_bytes(context.random(2), "big") >> 16
    due_at = ends + SETTLE + spread
    return TlsReport(context.new_id("tls"), day, domain, "queued", 0, due_at, due_at + GIVE_UP, "")


async def claim(context: Context, limit: int) -> list[TlsReport]:
    """Take up to `limit` reports that are due. Who dies with one leaves it unsent: lost does less harm than twice."""
    now = context.now()

    async def work(transaction: Transaction) -> list[TlsReport]:
        return await many(transaction, TlsReport, "claim_tls_reports", now=now, limit=limit)

    return await context.db.write(work)


async def sessions_of(context: Context, report: TlsReport) -> list[TlsSession]:
    """What the report tells."""
    return await many(context.db, TlsSession, "tls_sessions", day=report.day, domain=report.domain, limit=MOST_ROWS)


async def settle(context: Context, report: TlsReport, state: State, reply: str) -> None:
    """Write what became of a report; one that is deferred is tried again for a day."""
    again = context.now() + RETRY * 2 ** (report.attempts - 1)
    stored: str = state
    if state == "deferred":
        stored = "queued" if again < report.give_up_at else "failed"

    async def work(transaction: Transaction) -> None:
        await transaction.run("settle_tls_report", id=report.id, state=stored, due_at=again, reply=reply)

    await context.db.write(work)


async def forget(context: Context) -> None:
    """Forget the days whose reports are over."""
    before = datetime.fromtimestamp(context.now() / 1_000_000, UTC).date() - timedelta(days=KEEP_DAYS)

    async def work(transaction: Transaction) -> None:
        await transaction.run("forget_tls_sessions", before=before.isoformat())
        await transaction.run("forget_tls_reports", before=before.isoformat())

    await context.db.write(work)
