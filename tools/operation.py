"""How a verb declares itself, once: from this come REST, OpenAPI, MCP, the scope checks and the reference page."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tools.context import Context, held_by
from tools.errors import Refusal

Scope = Literal["read", "send", "admin", "oversight", "oversight_read", "stop", "screen", "review", "govern"]


class Model(BaseModel):
    """A request or a part of one. Unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


Request = TypeVar("Request", bound=Model)
Result = TypeVar("Result", bound=BaseModel)

MailboxId = Annotated[
    str | None,
    Field(description="The mailbox to act for (mbx_…). Leave it out when the key has only one.", max_length=64),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Request, Result]):
    """One verb. `path` parameters are fields of the request; a GET takes the rest from the query string."""

    name: str
    title: str
    summary: str
    """What it does, when to use it and when not; a model reads it."""
    request: type[Request]
    result: type[Result]
    run: Callable[[Context, Request], Awaitable[Result]]
    scope: Scope
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    success: int = 200
    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = True
    waits: bool = False
    """Whether it may wait for long, for what others do: it takes no place among the calls at work."""
    mcp: bool = True
    """Whether it is an MCP tool as well."""

    @property
    def keys(self) -> str:
        """The scopes of keys that may call it, as text."""
        return " or ".join(held_by(self.scope))

    @property
    def path_fields(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{(\w+)}", self.path))


AnyOperation = Operation[Any, Any]


async def perform(operation: Operation[Request, Result], context: Context, request: Request) -> Result:
    """Check the scope, then run the verb. Raises Refusal."""
    if not context.principal.may(operation.scope):
        raise Refusal("missing_scope", f"{operation.name} needs {operation.keys}.", scope=operation.scope)
    return await operation.run(context, request)
