"""`POST /v1/inbound`: raw mail from a forwarding service, signed with the key of the domain it is for.

The envelope is in the query: `from`, `to` (again for each recipient), and what the service knows of who brought it,
`ip` and `helo`. Query, line feed and body are signed together, so that nobody sends a mail on to somebody else.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.http.failures import refusal_response
from server.http.signature import Claim, read_claim
from server.smtp.arguments import normal_sender
from storage.database import one
from storage.records import Domain
from tools.context import Context
from tools.domains import forwarding_key
from tools.errors import Refusal
from tools.mail.address import AddressError, domain_of, parse_address
from tools.mail.hops import MAX_RECEIVED, hops
from tools.receive import Arrival, expects, receive

PATH = "/v1/inbound"
AT_ONCE = 4
"""Requests whose mail is in memory; nobody knows yet who signed it."""
READ_SECONDS = 120.0
MAX_RECIPIENTS = 100
_FIELDS = frozenset({"from", "to", "ip", "helo"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the query says."""

    sender: str
    recipients: tuple[str, ...]
    domain: str
    ip: str
    helo: str


def inbound_route(context: Context, max_message_bytes: int) -> Route:
    """The route; mail over the limit is refused as it comes."""
    places = asyncio.Semaphore(AT_ONCE)

    async def endpoint(request: Request) -> Response:
        try:
            return await _take(context, request, max_message_bytes, places)
        except Refusal as refusal:
            return refusal_response(request.scope, refusal)

    return Route(PATH, endpoint, methods=["POST"])


async def _take(context: Context, request: Request, limit: int, places: asyncio.Semaphore) -> Response:
    claim = read_claim(request.headers, context.now())
    envelope = _envelope(request)
    key = await _key(context, envelope.domain)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise Refusal("request_too_large", limit_bytes=limit)
    async with places:
        raw = await _read(request, claim, key, limit)
        accepted = [address for address in envelope.recipients if await expects(context, address)]
        if not accepted:
            raise Refusal("mailbox_not_found")
        if hops(raw) > MAX_RECEIVED:
            raise Refusal("mail_loop")
        peer: dict[str, str | bool] = {"ip": envelope.ip, "helo": envelope.helo, "tls": False}
        new = await receive(context, Arrival(envelope.sender, tuple(accepted), raw, peer, claim.id))
    unknown = [address for address in envelope.recipients if address not in accepted]
    return JSONResponse({"accepted": accepted, "unknown": unknown, "duplicate": not new})


def _envelope(request: Request) -> Envelope:
    query = request.query_params
    unknown = sorted(query.keys() - _FIELDS)
    if unknown:
        raise Refusal("unknown_argument", unknown=unknown)
    given = query.getlist("to")
    if not 0 < len(given) <= MAX_RECIPIENTS:
        raise Refusal("missing_recipient" if not given else "too_many_recipients")
    recipients = tuple(dict.fromkeys(_checked("to", each, lambda text: parse_address(text).email) for each in given))
    domains = {domain_of(each) for each in recipients}
    if len(domains) > 1:
        raise Refusal("invalid_request", "to: all recipients of one request are of one domain.", field="to")
    sender = _checked("from", query.get("from", ""), lambda text: normal_sender(text) if text else "")
    ip = _checked("ip", query.get("ip", ""), lambda text: str(ip_address(text)) if text else "")
    helo = query.get("helo", "")
    if len(helo) > 255 or (helo and not helo.isprintable()):
        raise Refusal("invalid_request", "helo: it is not a name.", field="helo")
    return Envelope(sender, recipients, domains.pop(), ip, helo)


def _checked(field: str, text: str, read: Callable[[str], str]) -> str:
    try:
        return read(text)
    except AddressError as error:
        raise Refusal("invalid_address", f"{field}: {error}", field=field) from error
    except ValueError as error:
        raise Refusal("invalid_request", f"{field}: it is no IP address.", field=field) from error


async def _key(context: Context, domain: str) -> bytes:
    found = await one(context.db, Domain, "domain", name=domain)
    if found is None or found.forwarding_key <= 0:
        # whether a domain is here is nobody else's business
        raise Refusal("invalid_signature")
    return forwarding_key(context, domain, found.forwarding_key)


async def _read(request: Request, claim: Claim, key: bytes, limit: int) -> bytes:
    """The body, once its signature fits. Raises Refusal request_too_large, invalid_signature."""
    computed = claim.begin(key)
    computed.update(request.scope["query_string"] + b"\n")
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                computed.update(chunk)
                body += chunk
                if len(body) > limit:
                    raise Refusal("request_too_large", limit_bytes=limit)
    except TimeoutError as error:
        raise Refusal("invalid_request", "The mail took too long to come.") from error
    if not claim.fits(computed):
        raise Refusal("invalid_signature")
    return bytes(body)
