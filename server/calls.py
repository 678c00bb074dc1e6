"""A call of an operation, the same for every edge: arguments checked, the verb run, every failure a Refusal."""

import difflib
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import anyio
import structlog
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, to_json

from server.schema import Schema, input_schema
from storage.errors import Unavailable
from tools.context import Context
from tools.errors import Refusal
from tools.operation import AnyOperation, Model, perform

RETRY_SECONDS = 5
"""What a caller is told to wait after a local fault."""
_WORDS = {
    "list_type": 'takes a list, such as ["one", "two"], also for one',
}
"""By pydantic's type of a problem, where its own sentence does not say what to do."""
_NAMED = 8
"""Problems and unknown arguments that one refusal names."""

_TOLD = ("message_id", "status", "approval_id")
"""Of a result, what the log says."""

Place = tuple[int | str, ...]
"""Where in the arguments: field names and list indices."""

log = structlog.get_logger("gatepost.calls")


async def call(
    operation: AnyOperation, context: Context, arguments: Mapping[str, object], request_id: str, *, text: bool = False
) -> BaseModel:
    """Run an operation. Raises Refusal and nothing else.

    `text` says that the values are strings of a query, to be read as what the request wants; JSON is taken as it is.
    """
    try:
        request = read(operation, arguments, text=text)
        async with _place(operation, context):
            # a client that hangs up must not undo half of a mail that is being handed in
            with anyio.CancelScope(shield=not operation.read_only):
                result: BaseModel = await perform(operation, context, request)
    except Refusal as refusal:
        _tell(operation, context, request_id, refused=refusal.code)
        raise
    except Unavailable as error:
        log.warning("storage unavailable", operation=operation.name, request_id=request_id, error=str(error))
        raise Refusal("try_again", retry_after=RETRY_SECONDS) from error
    except Exception as error:
        log.exception("operation failed", operation=operation.name, request_id=request_id)
        raise Refusal("internal_error") from error
    _tell(operation, context, request_id, **{name: getattr(result, name, None) for name in _TOLD})
    return result


def _tell(operation: AnyOperation, context: Context, request_id: str, **outcome: object) -> None:
    """A line in the log: who asked for what, and what became of it; by the message's id `gatepost audit` goes on.

    What only reads is not told, nor what has no request: the command line prints its answer itself.
    """
    if operation.read_only or not request_id:
        return
    by, told = context.principal.name, {name: value for name, value in outcome.items() if value}
    log.info("asked", operation=operation.name, by=by, ip=context.origin, request_id=request_id, **told)


def _place(operation: AnyOperation, context: Context) -> AbstractAsyncContextManager[None]:
    return nullcontext() if operation.waits else context.places.one(context.principal.account_id)


def read(operation: AnyOperation, arguments: Mapping[str, object], *, text: bool = False) -> Model:
    """The request. Raises Refusal unknown_argument or invalid_request, naming the field."""
    model: type[Model] = operation.request
    try:
        _check_texts(arguments, ())
        if text:
            return model.model_validate(arguments)
        # as JSON and strictly: "1" is no number, and 1 no text
        return model.model_validate_json(to_json(_given(model, arguments)), strict=True)
    except (RecursionError, PydanticSerializationError) as error:
        raise Refusal("invalid_request", "It is nested too deeply.") from error
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise _refusal(operation, problems) from None


def _given(model: type[Model], arguments: Mapping[str, object]) -> dict[str, object]:
    """The arguments without those that are null: many clients have to name each, and say so of what they leave out."""
    optional = {name for name, field in model.model_fields.items() if not field.is_required()}
    return {name: value for name, value in arguments.items() if value is not None or name not in optional}


def _check_texts(value: object, place: Place) -> None:
    """Refuse text that no header, address or database column can hold."""
    if isinstance(value, str):
        if not _storable(value):
            field = _dotted(place)
            raise Refusal("invalid_request", f"{field}: holds a NUL or half a character.", field=field)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            _check_texts(key, place)
            _check_texts(each, (*place, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _check_texts(each, (*place, index))


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _refusal(operation: AnyOperation, problems: list[ErrorDetails]) -> Refusal:
    unknown = [problem["loc"] for problem in problems if problem["type"] == "extra_forbidden"]
    if unknown:
        return _unknown_arguments(operation, unknown[:_NAMED])
    fields = {_dotted(problem["loc"]): _sentence(problem) for problem in problems[:_NAMED]}
    sentence = "; ".join(f"{field}: {message}" for field, message in fields.items())
    return Refusal("invalid_request", f"{sentence}.", field=next(iter(fields)), problems=fields)


def _unknown_arguments(operation: AnyOperation, places: list[Place]) -> Refusal:
    nearest: dict[str, str | None] = {}
    known: list[str] = []
    for place in places:
        known = _known_at(input_schema(operation.request), place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        nearest[_dotted(place)] = near[0] if near else None
    said = [f"'{name}'" + (f" (did you mean '{near}'?)" if near else "") for name, near in nearest.items()]
    sentence = f"{operation.name} does not take {', '.join(said)}; it takes {', '.join(known) or 'none'}."
    return Refusal("unknown_argument", sentence, unknown=nearest, arguments=known)


def _known_at(schema: Schema, place: Iterable[int | str]) -> list[str]:
    node: Any = schema
    for step in place:
        node = node["items"] if isinstance(step, int) else node["properties"][step]
    return list(node.get("properties", {}))


def _dotted(place: Place) -> str:
    return ".".join(str(step)[:64] for step in place) or "the request"


def _sentence(problem: ErrorDetails) -> str:
    message = _WORDS.get(problem["type"], problem["msg"])
    return message[:1].lower() + message[1:]
