"""Approval in the conversation: a client that can open web pages is offered the page of a held mail.

Nothing depends on it. A client that declares no URL elicitation gets the plain result, which has the address too; and
the page asks for the overseer's own sign-in, so that showing it to the agent approves nothing.
"""

from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestURLParams,
    InputRequiredResult,
)
from mcp.types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from tools.context import Context
from tools.operation import AnyOperation

KEY = "idempotency_key"
_HELD = "pending_send_approval"


def arguments_of(
    request: ServerRequestContext[Any, Any], params: CallToolRequestParams, operation: AnyOperation, context: Context
) -> dict[str, Any]:
    """The call's arguments, with an idempotency key where the call may come back with an answer.

    The protocol has the client make the same call again after the question. Under its key the second call hands in
    nothing and tells how the mail stands by then; the key travels in the sealed request state.
    """
    arguments = dict(params.arguments or {})
    if KEY in operation.request.model_fields and arguments.get(KEY) is None:
        key = params.request_state or (context.new_id("ask") if opens_pages(request) else None)
        if key is not None:
            arguments[KEY] = key
    return arguments


def question(
    request: ServerRequestContext[Any, Any],
    params: CallToolRequestParams,
    arguments: dict[str, Any],
    result: BaseModel,
) -> InputRequiredResult | None:
    """The offer to open the approval page, once, and only for a mail that waits for a person."""
    page = getattr(result, "approval_url", None)
    held = getattr(result, "status", "") == _HELD
    if not (held and page and arguments.get(KEY)) or params.request_state is not None or not opens_pages(request):
        return None
    asked = ElicitRequest(
        params=ElicitRequestURLParams(
            message="This mail is held until its overseer decides. Open the approval page to sign in and decide.",
            url=page,
        )
    )
    return InputRequiredResult(input_requests={"approval": asked}, request_state=arguments[KEY])


def opens_pages(request: ServerRequestContext[Any, Any]) -> bool:
    """Whether the client that asks says that it can show a web page."""
    if request.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return False
    declared = request.session.client_capabilities
    return declared is not None and declared.elicitation is not None and declared.elicitation.url is not None
