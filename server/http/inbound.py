"""`POST /v1/inbound`: raw mail from a forwarding service, signed with the key of the domain it is for.

The envelope is in the query: `from`, `to` (again for each recipient), and what the service knows of who brought it,
`ip` and `helo`. Query, line feed and body are signed together, so that nobody sends a mail on to somebody else.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from server.http.failures import refusal_response
from server.http.signature import Claim, read_claim
from server.room import AT_ONCE, LARGE, Room
from server.smtp.arguments import normal_sender
from server.trail import trail
from storage.database import one
from storage.records import Domain
from tools.context import Context
from tools.domains import forwarding_key
from tools.errors import Refusal
from tools.mail.address import AddressError, domain_of, parse_address
from tools.mail.hops import MAX_RECEIVED, hops
from tools.places import Places
from tools.receive import Arrival, expects, receive

log = structlog.get_logger("gatepost.http")

PATH = "/v1/inbound"
ROOM_BYTES = 128 * 1024 * 1024
"""Of mail that is in memory. Bytes are counted and not requests, as nobody knows yet who signed one: a few that
trickle must not keep all others waiting."""
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
    room, large = Room(ROOM_BYTES, max_message_bytes), Places(AT_ONCE, 1)

    async def endpoint(request: Request) -> Response:
        try:
            return await _take(context, request, max_message_bytes, room, large)
        except Refusal as refusal:
            return refusal_response(request.scope, refusal)

    return Route(PATH, endpoint, methods=["POST"])


async def _take(context: Context, request: Request, limit: int, room: Room, large: Places) -> Response:
    claim = read_claim(request.headers, context.now())
    envelope = _envelope(request)
    key = await _key(context, envelope.domain)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise Refusal("request_too_large", limit_bytes=limit)
    with _counted(room, envelope.domain) as grown:
        raw = await _read(request, claim, key, limit, grown)
        # a service may have one id for a mail and bring it in several requests: to each domain, or each recipient
        id_ = f"{claim.id} {sha256(' '.join(sorted(envelope.recipients)).encode()).hexdigest()}"
        if len(raw) < LARGE:
            return await _bring(context, envelope, raw, id_)
        async with large.one(envelope.domain):
            return await _bring(context, envelope, raw, id_)


async def _bring(context: Context, envelope: Envelope, raw: bytes, id_: str) -> Response:
    accepted = [address for address in envelope.recipients if await expects(context, address)]
    if not accepted:
        raise Refusal("mailbox_not_found")
    if hops(raw) > MAX_RECEIVED:
        raise Refusal("mail_loop")
    peer: dict[str, str | bool] = {"ip": envelope.ip, "helo": envelope.helo, "tls": False}
    arrival = Arrival(envelope.sender, tuple(accepted), raw, peer, id_, accepted=True)
    messages = await receive(context, arrival)
    log.info("mail stored", **trail(arrival, messages))
    unknown = [address for address in envelope.recipients if address not in accepted]
    return JSONResponse({"accepted": accepted, "unknown": unknown, "duplicate": messages is None})


@contextmanager
def _counted(room: Room, whose: str) -> Iterator[Callable[[int], None]]:
    """Tells the room how large a mail has grown, for the time of the block. The call raises Refusal rate_limited."""
    held = 0

    def grown(size: int) -> None:
        nonlocal held
        if not room.take(size - held, whose):
            raise Refusal("rate_limited", "Too much mail comes in at once.", retry_after=10)
        held = size

    try:
        yield grown
    finally:
        room.give_back(held, whose)


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


async def _read(request: Request, claim: Claim, key: bytes, limit: int, grown: Callable[[int], None]) -> bytes:
    """The body, once its signature fits. Raises Refusal request_too_large, rate_limited, invalid_signature."""
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
                grown(len(body))
    except TimeoutError as error:
        raise Refusal("invalid_request", "The mail took too long to come.") from error
    if not claim.fits(computed):
        raise Refusal("invalid_signature")
    return bytes(body)
