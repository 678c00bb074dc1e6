"""From where mail may be handed in: some laws forbid to serve some regions."""

from policies.decision import Finding, Verdict
from policies.facts import Origin, Outbound

NAME = "region"


def region(facts: Outbound) -> Finding | None:
    """Deny a request out of a region that is not served; hold one out of nobody knows where."""
    origin = facts.origin
    # who approves answers for the mail, wherever it was written
    if origin is None or facts.approver is not None:
        return None
    if not known(origin):
        return Finding(NAME, Verdict.HOLD, "It is not known from which region this was sent, so a person decides.")
    barred = [place for place in origin.places if place in origin.denied]
    outside = bool(origin.allowed) and not origin.allowed.intersection(origin.places)
    if not barred and not outside:
        return None
    place = barred[0] if barred else origin.places[-1]
    return Finding(NAME, Verdict.DENY, f"Requests out of {place} are not served here.", code="region_blocked")


def known(origin: Origin) -> bool:
    """Whether the places are exact enough to decide: of a country with parts that are barred, the part is needed."""
    if len(origin.places) == 1:
        (country,) = origin.places
        return not any(place.startswith(f"{country}-") for place in origin.denied)
    return bool(origin.places)
