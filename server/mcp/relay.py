"""What a bridge asks of the server behind it, and what it hands back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx2
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY, ResourceUpdated, event_to_notification
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ElicitRequestParams,
    EmptyResult,
    ErrorData,
    InputRequiredResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)
from mcp.types.version import LATEST_MODERN_VERSION
from pydantic import TypeAdapter

from server.mcp import consent
from server.mcp.resources import acknowledge, check_uri
from server.mcp.subscribers import Line
from server.mcp.tools import refused
from tools.errors import Refusal

FAILURES = (MCPError, SubscriptionLost, TimeoutError, httpx2.HTTPError, ExceptionGroup)
"""How the client says that it got no answer; its own tasks raise in groups."""
LISTENING_SECONDS = 20.0
"""So long may pass until the server has acknowledged a subscription."""
AGAIN_SECONDS = 5.0
"""From a lost subscription to the next attempt."""

Request = ServerRequestContext[Line, Any]
Answer = TypeVar("Answer")

_Answer: TypeAdapter[InputRequiredResult | CallToolResult] = TypeAdapter(InputRequiredResult | CallToolResult)


class NoAnswer(MCPError):
    """The server behind the bridge cannot be asked."""

    def __init__(self) -> None:
        super().__init__(INTERNAL_ERROR, "The Gatepost server did not answer.")


class Relay:
    """Asks the server for each request anew: a connection that broke once would stay broken."""

    def __init__(self, http: httpx2.AsyncClient, address: str, again_seconds: float = AGAIN_SECONDS) -> None:
        self._http = http
        self._address = address
        self._again_seconds = again_seconds

    async def instructions(self) -> str | None:
        """What the server tells a model. Raises one of FAILURES when it does not speak the protocol."""
        async with self._connected("auto") as client:
            return client.instructions

    async def list_tools(self, _: Request, params: PaginatedRequestParams | None) -> ListToolsResult:
        return await self._asked(lambda client: client.list_tools())

    async def list_resources(self, _: Request, params: PaginatedRequestParams | None) -> ListResourcesResult:
        return await self._asked(lambda client: client.list_resources())

    async def list_templates(self, _: Request, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        return await self._asked(lambda client: client.list_resource_templates())

    async def read(self, _: Request, params: ReadResourceRequestParams) -> ReadResourceResult:
        return await self._asked(lambda client: client.read_resource(str(params.uri)))

    async def listen(self, request: Request, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """Hand on what the server tells; where it goes away, the client has to listen and to read again."""
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: request.request_id}
        wanted = params.notifications.resource_subscriptions or []

        async def handed_on(client: Client) -> SubscriptionsListenResult:
            async with client.listen(resource_subscriptions=wanted) as changes:
                await acknowledge(request, changes.honored, meta)
                async for change in changes:
                    told = event_to_notification(change, meta)
                    await request.session.send_notification(told, related_request_id=request.request_id)
            return SubscriptionsListenResult(_meta=meta)

        return await self._asked(handed_on)

    async def subscribe(self, request: Request, params: SubscribeRequestParams) -> EmptyResult:
        """In the older protocol: tell of each change of one more resource."""
        line = request.lifespan_context
        async with line.turn:
            check_uri(params.uri, line.subscriber)
            await self._tell_anew(request.session, line, line.subscriber.uris | {params.uri})
        return EmptyResult()

    async def unsubscribe(self, request: Request, params: UnsubscribeRequestParams) -> EmptyResult:
        """In the older protocol: tell no more of a resource."""
        line = request.lifespan_context
        async with line.turn:
            await self._tell_anew(request.session, line, line.subscriber.uris - {params.uri})
        return EmptyResult()

    async def _tell_anew(self, client: ServerSession, line: Line, uris: set[str]) -> None:
        """Listen to these resources; the old listening ends when the new has begun, and goes on if that is refused."""
        before, known, ready = line.telling, line.subscriber.uris, asyncio.get_running_loop().create_future()
        line.subscriber.uris = uris
        line.telling = asyncio.create_task(self._tell(client, frozenset(uris), ready))
        try:
            async with asyncio.timeout(LISTENING_SECONDS):
                await ready
        except MCPError:
            line.telling, line.subscriber.uris = before, known
            raise
        except TimeoutError as error:
            # the task goes on trying, and tells of everything once it listens
            raise NoAnswer from error
        finally:
            if before is not None and before is not line.telling:
                before.cancel()

    async def _tell(self, client: ServerSession, uris: frozenset[str], ready: asyncio.Future[None]) -> None:
        """Tell a client that stays what changes; after the server was away of all, as nobody knows what did.

        `ready` is for whoever waits for the beginning, and is told too if the server refuses.
        """
        missed: frozenset[str] = frozenset()

        async def tell(server: Client) -> None:
            async with server.listen(resource_subscriptions=sorted(uris)) as changes:
                _settle(ready)
                for uri in missed:
                    await client.send_resource_updated(uri)
                async for change in changes:
                    if isinstance(change, ResourceUpdated):
                        await client.send_resource_updated(change.uri)

        while uris:
            try:
                await self._asked(tell)
            except NoAnswer:
                pass
            except MCPError as refused:
                if not ready.done():
                    ready.set_exception(refused)
                    return
            missed = uris
            await asyncio.sleep(self._again_seconds)
        _settle(ready)

    async def call_tool(self, request: Request, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
        """The server's answer, or its question: then the client asks its user and calls again with what was said."""
        forwarded = CallToolRequest(params=params.model_copy(update={"meta": None}))
        try:
            async with self._connected(asking=consent.opens_pages(request)) as client:
                # as it came: checking it against the schema would list the tools first, for each call
                return await client.session.send_request(forwarded, _Answer)
        except FAILURES:
            return refused(Refusal("unreachable"), "")

    async def _asked(self, ask: Callable[[Client], Awaitable[Answer]]) -> Answer:
        """The server's answer. Raises MCPError, its own about the request, or NoAnswer."""
        try:
            async with self._connected() as client:
                try:
                    return await ask(client)
                except MCPError as error:
                    if not _is_its_word(error):
                        raise
                    refused = error
        except FAILURES as error:
            raise NoAnswer from error
        raise refused

    def _connected(self, mode: str = LATEST_MODERN_VERSION, *, asking: bool = False) -> Client:
        """`asking`: say that questions to the user can be answered, because our own client says so."""
        transport = streamable_http_client(self._address, http_client=self._http)
        return Client(transport, mode=mode, elicitation_callback=_never_here if asking else None)


def _is_its_word(error: MCPError) -> bool:
    """Whether the server refused the request; what its client says of a line that broke has no code of ours."""
    return error.code == INVALID_PARAMS or (isinstance(error.data, dict) and "code" in error.data)


def _settle(ready: asyncio.Future[None]) -> None:
    # whoever stopped waiting has cancelled it
    if not ready.done():
        ready.set_result(None)


async def _never_here(context: ClientRequestContext, params: ElicitRequestParams) -> ErrorData:
    """A question is a result, and handed on as one: none is answered on the way."""
    return ErrorData(code=INVALID_REQUEST, message="Questions come as results.")
