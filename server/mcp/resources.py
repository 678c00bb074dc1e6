"""Mailboxes, threads and messages as MCP resources, and the word that one of them has changed."""

import re
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY, ResourceUpdated, event_to_notification
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    TextResourceContents,
)

from server.calls import call
from server.streams import Streams
from storage.database import many
from storage.records import Mailbox
from tools.check_inbox import CHECK_INBOX
from tools.context import Context
from tools.errors import Refusal
from tools.events import last_seq
from tools.list_events import EventView, feed_of
from tools.list_thread import LIST_THREAD
from tools.operation import AnyOperation
from tools.read_message import GET_MESSAGE

Request = ServerRequestContext[Any, Any]

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

    def __init__(self, acting: Callable[[Request], Context], streams: Streams) -> None:
        self._acting = acting
        self._streams = streams

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
        try:
            if not context.principal.may("read"):
                raise Refusal("missing_scope", scope="read")
            feed = await feed_of(context, None)
            self._streams.admit(context.principal.name)
        except Refusal as refusal:
            raise MCPError(INTERNAL_ERROR, refusal.sentence, refusal.body()) from None
        # the number is taken before the client is told that it listens
        after = await last_seq(context.db, context.principal.account_id)
        honored = SubscriptionFilter(resource_subscriptions=sorted(uris) or None)
        acknowledged = SubscriptionsAcknowledgedNotificationParams(notifications=honored, _meta=meta)
        await request.session.send_notification(
            SubscriptionsAcknowledgedNotification(params=acknowledged), related_request_id=request.request_id
        )
        async with aclosing(self._streams.follow(context, feed, after)) as pages:
            async for page in pages:
                for uri in dict.fromkeys(uri for event in page.events for uri in _changed(event) if uri in uris):
                    told = event_to_notification(ResourceUpdated(uri=uri), meta)
                    await request.session.send_notification(told, related_request_id=request.request_id)
        return SubscriptionsListenResult(_meta=meta)


def _changed(event: EventView) -> Iterator[str]:
    """The resources that an event changes."""
    ids = (("mailboxes", event.mailbox_id), ("threads", event.thread_id), ("messages", event.message_id))
    return (f"gatepost://{kind}/{id_}" for kind, id_ in ids if id_)
