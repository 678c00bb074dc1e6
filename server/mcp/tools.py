"""Operations as MCP tools: what a client is told of them, and answers in the protocol's words."""

import difflib
import json

from mcp.types import CallToolResult, TextContent, Tool, ToolAnnotations
from pydantic import BaseModel

from server.schema import input_schema, output_schema
from tools.context import Principal
from tools.errors import Refusal
from tools.operation import AnyOperation
from tools.registry import OPERATIONS

TOOLS = {operation.name: operation for operation in OPERATIONS if operation.mcp}


def listed(principal: Principal) -> list[Tool]:
    """The tools this principal has the scope for, always in the same order."""
    return [_tool(operation) for operation in TOOLS.values() if principal.may(operation.scope)]


def find(name: str, principal: Principal) -> AnyOperation:
    """The operation behind a tool. Raises Refusal unknown_tool, which names those that the principal has."""
    if name in TOOLS:
        return TOOLS[name]
    names = [operation.name for operation in TOOLS.values() if principal.may(operation.scope)]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else ""
    raise Refusal("unknown_tool", hint, tools=names)


def answered(result: BaseModel) -> CallToolResult:
    """A result, with the same facts as text and as data: some clients show the model only the one or the other."""
    text = result.model_dump_json()
    return CallToolResult(content=[TextContent(text=text)], structured_content=json.loads(text))


def refused(refusal: Refusal, request_id: str) -> CallToolResult:
    """A refusal, as an error that the model sees and can act on."""
    body = refusal.body(request_id)
    if refusal.retry_after is not None:
        body["retry_after_seconds"] = refusal.retry_after
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return CallToolResult(content=[TextContent(text=text)], structured_content=body, is_error=True)


def _tool(operation: AnyOperation) -> Tool:
    return Tool(
        name=operation.name,
        title=operation.title,
        description=operation.summary,
        input_schema=input_schema(operation.request),
        output_schema=output_schema(operation.result),
        annotations=ToolAnnotations(
            title=operation.title,
            read_only_hint=operation.read_only,
            destructive_hint=operation.destructive,
            idempotent_hint=operation.idempotent,
            open_world_hint=operation.open_world,
        ),
    )
