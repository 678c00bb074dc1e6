"""Sends each day's TLS reports (RFC 8460): keeps what was counted, asks where a report goes, hands it over, once."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import get_args

import dns.name
import structlog
from dns.exception import DNSException
from dns.rdtypes.ANY.TXT import TXT
from dns.resolver import NXDOMAIN

from server.delivery.dkim import SigningError
from server.delivery.https import Endpoint, Https
from server.delivery.names import Names, absolute
from server.delivery.outcome import Deferred, Outcome, Sent, Uncertain
from server.delivery.security import Policy
from server.delivery.signers import Signers
from server.delivery.stamp import stamp
from server.delivery.tls_mail import Cover, packed, write
from server.delivery.tls_post import post
from server.delivery.tls_report import Result, Row, TlsCounts, report
from server.delivery.tls_rua import report_places
from server.delivery.worker import Carrier
from storage.errors import StorageError
from storage.records import TlsReport, TlsSession
from tools import tls_reports
from tools.context import Context
from tools.tls_reports import State

EVERY_SECONDS = 60.0
AT_ONCE = 20

log = structlog.get_logger("gatepost.tls_reports")


class Reporter:
    """Reports on the sessions in `counts`."""

    def __init__(
        self,
        context: Context,
        counts: TlsCounts,
        names: Names,
        carrier: Carrier,
        https: Https,
        signers: Signers,
        sender: str,
    ) -> None:
        """`carrier` counts nothing and follows no TLS policy, or a report could never say that one is broken (section
        5.3.1). `sender`: an address of a domain that we have keys for."""
        self._context = context
        self._counts = counts
        self._names = names
        self._carrier = carrier
        self._signers = signers
        self._https = https
        self._sender = sender
        self._submitter = sender.rpartition("@")[2]

    async def run(self) -> None:
        """Work until cancelled; then what was counted is kept, and a report that nobody has goes later."""
        try:
            while True:
                await self._keep()
                await self._send_due()
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            await self._keep()

    async def _keep(self) -> None:
        rows = self._counts.take()
        try:
            await tls_reports.keep(self._context, [_kept(row, number) for row, number in rows.items()])
        except StorageError as error:
            self._counts.put_back(rows)
            log.error("cannot keep what was counted", error=str(error))

    async def _send_due(self) -> None:
        try:
            while claimed := await tls_reports.claim(self._context, AT_ONCE):
                await asyncio.gather(*map(self._carry, claimed))
            await tls_reports.forget(self._context)
        except StorageError as error:
            log.error("cannot claim TLS reports", error=str(error))

    async def _carry(self, due: TlsReport) -> None:
        try:
            state, reply = await self._stoppable(due)
            await tls_reports.settle(self._context, due, state, reply)
            log.info("TLS report", domain=due.domain, day=due.day, state=state, reply=reply)
        except StorageError as error:
            log.error("cannot settle a TLS report", domain=due.domain, error=str(error))
        except Exception:
            log.exception("a TLS report failed in an unforeseen way", domain=due.domain)

    async def _stoppable(self, due: TlsReport) -> tuple[State, str]:
        """As `_attempt`; broken off by a stop the report is due again, unless a mail server may have it."""
        try:
            return await self._attempt(due)
        except asyncio.CancelledError:
            await tls_reports.settle(self._context, due, "deferred", "broken off by a stop")
            raise

    async def _attempt(self, due: TlsReport) -> tuple[State, str]:
        """What became of it, and the reason in words."""
        try:
            places = await self._places(due.domain)
        except NXDOMAIN:
            places = ()
        except (DNSException, OSError) as error:
            return "deferred", f"DNS look-up failed: {type(error).__name__}"
        if not places:
            return "unwanted", "the domain asks for no reports"
        state: State = "failed"
        reply = ""
        for place in places:
            try:
                outcome = await self._hand_over(due, place)
            except SigningError as error:
                # section 3: without a signature it would be ignored
                return "deferred", f"cannot sign: {error}"
            if isinstance(outcome, Sent | Uncertain):
                return "sent", outcome.text
            reply = outcome.text
            if isinstance(outcome, Deferred):
                state = "deferred"
        return state, reply

    async def _places(self, domain: str) -> tuple[str | Endpoint, ...]:
        found = await self._names.look_up(dns.name.from_text("_smtp._tls", origin=absolute(domain)), "TXT")
        records = [b"".join(record.strings) for record in found.records if isinstance(record, TXT)]
        return report_places(record.decode("ascii", "replace") for record in records)

    async def _hand_over(self, due: TlsReport, place: str | Endpoint) -> Outcome:
        told = await self._report(due)
        if isinstance(place, Endpoint):
            return await post(self._https, place, packed(told))
        # without a sender, so that a report that fails brings no other mail about
        return await self._carrier.deliver("", place, await self._mail(due, place, told))

    async def _report(self, due: TlsReport) -> dict[str, object]:
        return report(
            _rows(await tls_reports.sessions_of(self._context, due)),
            domain=due.domain,
            day=date.fromisoformat(due.day),
            organization=self._submitter,
            contact=self._sender,
            report_id=f"{due.id}@{self._submitter}",
        )

    async def _mail(self, due: TlsReport, recipient: str, told: Mapping[str, object]) -> bytes:
        report_id = f"{due.id}@{self._submitter}"
        cover = Cover(self._sender, recipient, due.domain, date.fromisoformat(due.day), report_id)
        signer = await self._signers.signer(self._submitter)
        at = self._context.now()
        return await asyncio.to_thread(lambda: signer.sign(stamp(write(cover, told), at), at))


def _kept(row: Row, number: int) -> TlsSession:
    policy = asdict(row.policy)
    domain = policy.pop("domain")
    return tls_reports.session(row.day.isoformat(), domain, policy, row.host, row.result or "", number)


def _rows(sessions: list[TlsSession]) -> Mapping[Row, int]:
    return {_row(each): each.sessions for each in sessions}


def _row(kept: TlsSession) -> Row:
    told = json.loads(kept.policy)
    policy = Policy(told["type"], kept.domain, tuple(told["strings"]), tuple(told["mx"]))
    result = next((each for each in get_args(Result) if each == kept.result), None)
    return Row(date.fromisoformat(kept.day), policy, kept.host, result)
