"""TLS reporting (RFC 8460): sessions counted by day, policy and result, and the report that is made of the counts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from ssl import SSLCertVerificationError
from typing import Literal

from server.delivery.replies import Garbled, Refused
from server.delivery.security import Policy

Result = Literal[
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-expired",
    "certificate-not-trusted",
    "validation-failure",
    "tlsa-invalid",
    "dnssec-invalid",
    "sts-policy-fetch-error",
    "sts-policy-invalid",
    "sts-webpki-invalid",
]
"""Why a session was not as its policy asks (section 4.3)."""

DAYS = 2
MAX_ROWS = 10_000

# of OpenSSL's X509_V_ERR_*
_HAS_EXPIRED = 10
_OTHER_NAME = {62, 63, 64}
_UNTRUSTED = {2, 18, 19, 20, 21, 24, 27, 28}


@dataclass(frozen=True, slots=True)
class Row:
    """What is counted as one: the day in UTC, the policy, the receiving host, and the result, None for a good one."""

    day: date
    policy: Policy
    host: str
    result: Result | None


class TlsCounts:
    """The sessions of today and yesterday. Rows beyond the bound are counted together, as `dropped`."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock`: microseconds."""
        self._clock = clock
        self._rows: dict[Row, int] = {}
        self._day = date.min
        self.dropped = 0

    def count(self, policy: Policy, host: str, result: Result | None) -> None:
        """One session more."""
        today = datetime.fromtimestamp(self._clock() / 1_000_000, UTC).date()
        if today != self._day:
            self._day = today
            self._rows = {row: n for row, n in self._rows.items() if 0 <= (today - row.day).days < DAYS}
        self._add(Row(today, policy, host, result), 1)

    def _add(self, row: Row, number: int) -> None:
        if row in self._rows or len(self._rows) < MAX_ROWS:
            self._rows[row] = self._rows.get(row, 0) + number
        else:
            self.dropped += number

    def take(self) -> Mapping[Row, int]:
        """The counts since they were taken last."""
        taken, self._rows = self._rows, {}
        return taken

    def put_back(self, rows: Mapping[Row, int]) -> None:
        """Counts that were taken and could not be kept."""
        for row, number in rows.items():
            self._add(row, number)

    def rows(self) -> Mapping[Row, int]:
        """The counts so far."""
        return dict(self._rows)


def result_of(error: Exception) -> Result:
    """What a failure of STARTTLS is called in a report."""
    if isinstance(error, Refused | Garbled):
        return "starttls-not-supported"
    if isinstance(error, SSLCertVerificationError):
        if error.verify_code == _HAS_EXPIRED:
            return "certificate-expired"
        if error.verify_code in _OTHER_NAME:
            return "certificate-host-mismatch"
        if error.verify_code in _UNTRUSTED:
            return "certificate-not-trusted"
    return "validation-failure"


def report(
    rows: Mapping[Row, int], *, domain: str, day: date, organization: str, contact: str, report_id: str
) -> dict[str, object]:
    """The report of one day to one recipients' domain, as the JSON of RFC 8460 section 4.4."""
    mine = sorted((row for row in rows if (row.day, row.policy.domain) == (day, domain)), key=_order)
    return {
        "organization-name": organization,
        "date-range": {"start-datetime": f"{day}T00:00:00Z", "end-datetime": f"{day}T23:59:59Z"},
        "contact-info": contact,
        "report-id": report_id,
        "policies": [
            _policy(policy, {row: rows[row] for row in group})
            for policy, group in groupby(mine, lambda row: row.policy)
        ],
    }


def _order(row: Row) -> tuple[str, ...]:
    policy = row.policy
    return policy.type, "\n".join(policy.strings), "\n".join(policy.mx), row.host, row.result or ""


def _policy(policy: Policy, counts: Mapping[Row, int]) -> dict[str, object]:
    failed = {row: number for row, number in counts.items() if row.result}
    described: dict[str, object] = {"policy-type": policy.type, "policy-domain": policy.domain}
    if policy.strings:
        described["policy-string"] = list(policy.strings)
    if policy.mx:
        described["mx-host"] = list(policy.mx)
    return {
        "policy": described,
        "summary": {
            "total-successful-session-count": sum(counts.values()) - sum(failed.values()),
            "total-failure-session-count": sum(failed.values()),
        },
        "failure-details": list(_details(failed.items())),
    }


def _details(failed: Iterable[tuple[Row, int]]) -> Iterable[dict[str, object]]:
    for row, number in failed:
        detail: dict[str, object] = {"result-type": row.result, "failed-session-count": number}
        if row.host:
            detail["receiving-mx-hostname"] = row.host
        yield detail
