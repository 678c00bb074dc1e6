"""The fact behind the rule about regions: where the request comes from."""

from policies.facts import Origin
from tools.context import HERE, NOBODY, Context


def origin_of(context: Context) -> Origin | None:
    """None where the site has no such rule, or nobody far away asks: the system itself, an agent on this machine."""
    regions = context.site.regions
    if regions is None or context.origin == HERE or context.principal == NOBODY:
        return None
    return Origin(regions.places_of(context.origin), regions.allowed, regions.denied)
