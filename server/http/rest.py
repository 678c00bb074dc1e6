"""REST: one route for each operation of the table."""

from collections.abc import Awaitable, Callable

from pydantic_core import from_json
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.calls import call
from server.http.auth import Authentication
from server.http.failures import refusal_response
from server.http.limits import MAX_BODY
from server.http.rates import Rates
from server.http.stream import offered
from server.schema import input_schema
from server.streams import Streams
from tools.context import Context
from tools.errors import Refusal
from tools.operation import AnyOperation
from tools.registry import OPERATIONS

KEY = "idempotency_key"


def rest_routes(context: Context, rates: Rates, streams: Streams) -> list[Route]:
    """A route for each operation, behind a key."""
    authentication = Middleware(Authentication, context=context, rates=rates)
    return [
        Route(
            operation.path,
            offered(streams, operation, _endpoint(operation)),
            methods=[operation.method],
            name=operation.name,
            middleware=[authentication],
        )
        for operation in OPERATIONS
    ]


def has_body(operation: AnyOperation) -> bool:
    """Whether the arguments come as JSON; for the other methods a body has no meaning (RFC 9110 section 9.3)."""
    return operation.method in ("POST", "PUT", "PATCH")


def _endpoint(operation: AnyOperation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            arguments = await _arguments(operation, request)
            result = await call(
                operation,
                request.state.context,
                arguments,
                request.state.request_id,
                text=not has_body(operation),
            )
        except Refusal as refusal:
            return refusal_response(request.scope, refusal)
        return Response(
            result.model_dump_json(), operation.success, {"Cache-Control": "no-store"}, media_type="application/json"
        )

    return endpoint


async def _arguments(operation: AnyOperation, request: Request) -> dict[str, object]:
    """What path, query or body, and header say together. Raises Refusal where they contradict each other."""
    query = _query(operation, request)
    if has_body(operation):
        if query:
            raise Refusal("unknown_argument", "Arguments go into the JSON body.", unknown=list(query))
        given = await _body(request)
    else:
        given = query
    elsewhere: dict[str, object] = dict(request.path_params)
    key = request.headers.get("idempotency-key")
    if key is not None and KEY in operation.request.model_fields:
        elsewhere[KEY] = key
    for name, value in elsewhere.items():
        if given.get(name, value) != value:
            raise Refusal("invalid_request", f"{name}: it is given twice, and differently.", field=name)
    return {**given, **elsewhere}


def _query(operation: AnyOperation, request: Request) -> dict[str, object]:
    """The query string: a list where the request has one, else the one value."""
    fields = input_schema(operation.request)["properties"]
    found: dict[str, object] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        if fields.get(name, {}).get("type") == "array":
            found[name] = values
        elif len(values) == 1:
            found[name] = values[0]
        else:
            raise Refusal("invalid_request", f"{name}: it is given twice.", field=name)
    return found


async def _body(request: Request) -> dict[str, object]:
    """The JSON object in the body; nothing is an empty one. Raises Refusal request_too_large, invalid_request."""
    raw = await _read(request)
    if not raw.strip():
        return {}
    try:
        body = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Refusal("invalid_request", "The body is not JSON, or is nested too deeply.") from error
    if not isinstance(body, dict):
        raise Refusal("invalid_request", "The body is not a JSON object.")
    return body


async def _read(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY:
        raise Refusal("request_too_large", limit_bytes=MAX_BODY)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refusal("request_too_large", limit_bytes=MAX_BODY)
    return bytes(body)
