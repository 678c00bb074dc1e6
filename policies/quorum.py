"""How many people must approve a held mail: two where a risky rule holds it and there are two, else one."""

from collections.abc import Collection, Iterable

from policies.decision import Finding, Verdict

RISKY = frozenset(
    {
        "secret",
        "disguised_link",
        "raw_ip_link",
        "credential_request",
        "look_alike",
        "first_contact",
        "answers_untrusted",
        "copies_untrusted",
        "prohibited_attachment",
    }
)
"""Rules that see what a tricked agent sends, and what nobody can call back. An account may name others."""


def risky(findings: Iterable[Finding], rules: Collection[str] = RISKY) -> tuple[Finding, ...]:
    """Those of the findings that hold the mail and are of a risky rule, also of one that could not be worked out."""
    return tuple(each for each in findings if each.verdict is Verdict.HOLD and each.rule in rules)


def approvals_needed(findings: Iterable[Finding], overseers: int, rules: Collection[str] = RISKY) -> int:
    """How many of the account's `overseers` must approve the mail: 1 or 2."""
    return 2 if overseers > 1 and risky(findings, rules) else 1


def approvals_missing(approvers: Iterable[str], overseers: Collection[str], needed: int) -> int:
    """How many more must approve. Whoever approves twice counts once, and who is no overseer does not count."""
    return max(needed - len(set(approvers) & set(overseers)), 0)
