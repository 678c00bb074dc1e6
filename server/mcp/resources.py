"""Mailboxes, threads and messages as MCP resources, and the word that one of them has changed."""

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY, ResourceUpdated, event_to_notification
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    EmptyResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    SubscribeRequestParams,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    TextResourceContents,
    UnsubscribeRequestParams,
)

from server.calls import RETRY_SECONDS, call
from server.mcp.subscribers import MOST_URIS, Line, Subscriber, Subscribers, changed_in, changes, label_of
from server.streams import Streams
from storage.database import many
from storage.errors import Unavailable
from storage.records import Mailbox
from tools.check_inbox import CHECK_INBOX
from tools.context import Context
from tools.errors import Refusal
from tools.events import last_seq
from tools.list_events import Feed, feed_of
from tools.list_thread import LIST_THREAD
from tools.operation import AnyOperation
from tools.read_message import GET_MESSAGE

Request = ServerRequestContext[Line, Any]

_JSON = "application/json"
_URI = re.compile(r"gatepost://(mailboxes|threads|messages)/([A-Za-z0-9_]{1,64})")
_MOST_URIS = 1000

_KINDS: dict[str, tuple[AnyOperation, str, str]] = {
    "mailboxes": (CHECK_INBOX, "mailbox_id", "The newest messages of a mailbox, without bodies."),
    "threads": (LIST_THREAD, "thread_id", "A conversation: what is new in each of its messages."),
    "messages": (GET_MESSAGE, "message_id", "One message. Reading it here does not mark it read."),
}


class Resources:
    """What a client asks of resources."""

    def __init__(self, acting: Callable[[Request], Context], streams: Streams, subscribers: Subscribers) -> None:
        self._acting = acting
        self._streams = streams
        self._subscribers = subscribers

    async def list_resources(self, request: Request, _: PaginatedRequestParams | None) -> ListResourcesResult:
        """The mailboxes that the key may read."""
        context = self._acting(request)
        principal = context.principal
        mailboxes = await many(context.db, Mailbox, "mailboxes", account_id=principal.account_id)
        return ListResourcesResult(
            resources=[
                Resource(uri=f"gatepost://mailboxes/{mailbox.id}", name=mailbox.address, mime_type=_JSON)
                for mailbox in mailboxes
                if principal.may("read") and principal.mailbox_id in (None, mailbox.id)
            ]
        )

    async def list_templates(self, _: Request, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(
            resource_templates=[
                ResourceTemplate(
                    uri_template=f"gatepost://{kind}/{{{field}}}", name=kind, description=said, mime_type=_JSON
                )
                for kind, (_, field, said) in _KINDS.items()
            ]
        )

    async def read(self, request: Request, params: ReadResourceRequestParams) -> ReadResourceResult:
        """The same as the tool of its kind answers."""
        uri = str(params.uri)
        found = _URI.fullmatch(uri)
        if found is None:
            raise MCPError(INVALID_PARAMS, "There is no such resource.", {"uri": uri})
        operation, field, _ = _KINDS[found[1]]
        context = self._acting(request)
        try:
            result = await call(operation, context, {field: found[2]}, context.new_id("req"))
        except Refusal as refusal:
            raise MCPError(INVALID_PARAMS, refusal.sentence, {"uri": uri, **refusal.body()}) from None
        text = result.model_dump_json()
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=_JSON, text=text)])

    async def listen(self, request: Request, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """Tell of each change of the resources named, and nothing else, as long as the client listens.

        What is another's never changes for this key, just as what does not exist.
        """
        if request.request_id is None:
            raise MCPError(INVALID_REQUEST, "subscriptions/listen needs a request id.")
        context = self._acting(request)
        uris = frozenset((params.notifications.resource_subscriptions or [])[:_MOST_URIS])
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: request.request_id}
        feed = await self._feed(context)
        try:
            self._streams.admit(context.principal.name)
        except Refusal as refusal:
            raise MCPError(INTERNAL_ERROR, refusal.sentence, refusal.body()) from None
        # the number is taken before the client is told that it listens
        after = await last_seq(context.db, context.principal.account_id)
        await acknowledge(request, SubscriptionFilter(resource_subscriptions=sorted(uris) or None), meta)
        async with aclosing(self._streams.follow(context, feed, after)) as pages:
            async for page in pages:
                for uri in changed_in(page, uris):
                    told = event_to_notification(ResourceUpdated(uri=uri), meta)
                    await request.session.send_notification(told, related_request_id=request.request_id)
        return SubscriptionsListenResult(_meta=meta)

    async def subscribe(self, request: Request, params: SubscribeRequestParams) -> EmptyResult:
        """In the older protocol: tell of each change of one more resource, on the connection that stays."""
        context = self._acting(request)
        feed = await self._feed(context)
        subscriber = self._subscriber(request, context)
        check_uri(params.uri, subscriber)
        if not subscriber.begun.is_set():
            subscriber.after = await last_seq(context.db, context.principal.account_id)
        subscriber.uris.add(params.uri)
        subscriber.begun.set()
        line = request.lifespan_context
        if request.request is None and (line.telling is None or line.telling.done()):
            line.telling = asyncio.create_task(self._tell(request.session, context, feed, subscriber))
        return EmptyResult()

    async def unsubscribe(self, request: Request, params: UnsubscribeRequestParams) -> EmptyResult:
        """In the older protocol: tell no more of a resource."""
        self._subscriber(request, self._acting(request)).uris.discard(params.uri)
        return EmptyResult()

    def _subscriber(self, request: Request, context: Context) -> Subscriber:
        """Who asks: the client at the other end of the line, or over HTTP the one that has the label."""
        if request.request is None:
            return request.lifespan_context.subscriber
        label = label_of(request.request.headers)
        if not label:
            raise MCPError(INVALID_REQUEST, "Subscribing needs the Mcp-Session-Id that initialize is answered with.")
        subscriber = self._subscribers.of(context.principal.name, label)
        if subscriber is None:
            refusal = Refusal("session_not_found")
            raise MCPError(INVALID_REQUEST, refusal.sentence, refusal.body())
        return subscriber

    async def _feed(self, context: Context) -> Feed:
        try:
            if not context.principal.may("read"):
                raise Refusal("missing_scope", scope="read")
            return await feed_of(context, None)
        except Refusal as refusal:
            raise MCPError(INTERNAL_ERROR, refusal.sentence, refusal.body()) from None

    async def _tell(self, client: ServerSession, context: Context, feed: Feed, subscriber: Subscriber) -> None:
        """Tell a client that stays what changes, until its key is revoked or it goes."""
        while True:
            try:
                async with aclosing(changes(self._streams, context, feed, subscriber)) as found:
                    async for changed in found:
                        for uri in changed.uris:
                            await client.send_resource_updated(uri)
                return
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)


def check_uri(uri: str, subscriber: Subscriber) -> None:
    """Raises MCPError for what is no resource, and for one too many."""
    if _URI.fullmatch(uri) is None:
        raise MCPError(INVALID_PARAMS, "There is no such resource.", {"uri": uri})
    if len(subscriber.uris | {uri}) > MOST_URIS:
        raise MCPError(INVALID_PARAMS, f"At most {MOST_URIS} resources can be subscribed to.", {"uri": uri})


async def acknowledge(request: Request, honored: SubscriptionFilter, meta: dict[str, Any]) -> None:
    """Say that the client that asked by `subscriptions/listen` is listening from now on, and to what."""
    acknowledged = SubscriptionsAcknowledgedNotificationParams(notifications=honored, _meta=meta)
    await request.session.send_notification(
        SubscriptionsAcknowledgedNotification(params=acknowledged), related_request_id=request.request_id
    )
