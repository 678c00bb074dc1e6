"""A call of an operation as every edge makes it: shielded where it writes, and failing only as a Refusal."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from structlog.testing import capture_logs

from server.calls import call, read
from storage.errors import Unavailable
from tests.conftest import World
from tests.fakes.edges import on_sqlite
from tools.context import Context
from tools.errors import Refusal
from tools.operation import Model, Operation
from tools.registry import BY_NAME


class Question(Model):
    """What is asked."""

    number: int = Field(default=1, description="A number.", ge=0)
    words: list[str] = Field(default=[], description="Some words.")
    sure: bool = Field(default=False, description="Whether it is sure.")


class Answer(BaseModel):
    """What is answered."""

    number: int


Run = Callable[[Context, Question], Awaitable[Answer]]


def asking(run: Run, *, read_only: bool = False) -> Operation[Question, Answer]:
    return Operation(
        name="ask",
        title="Ask",
        summary="Ask.",
        request=Question,
        result=Answer,
        run=run,
        scope="read",
        method="POST",
        path="/v1/ask",
        read_only=read_only,
    )


async def answer(_: Context, question: Question) -> Answer:
    return Answer(number=question.number)


ASK = asking(answer)


@on_sqlite
async def test_a_verb_that_writes_is_finished_after_the_client_hangs_up(world: World) -> None:
    assert await finished(world, read_only=False)


@on_sqlite
async def test_a_verb_that_reads_ends_when_the_client_hangs_up(world: World) -> None:
    assert not await finished(world, read_only=True)


async def finished(world: World, *, read_only: bool) -> bool:
    """Whether a verb whose caller is cancelled in the middle comes to its end."""
    begun, done = asyncio.Event(), asyncio.Event()

    async def slow(_: Context, question: Question) -> Answer:
        begun.set()
        for _step in range(5):
            await asyncio.sleep(0)
        done.set()
        return Answer(number=question.number)

    async with anyio.create_task_group() as group:
        group.start_soon(call, asking(slow, read_only=read_only), world.context, {}, "req_1")
        await begun.wait()
        group.cancel_scope.cancel()
    return done.is_set()


@on_sqlite
@pytest.mark.parametrize(
    ("error", "code"), [(Unavailable("a private word"), "try_again"), (KeyError("a private word"), "internal_error")]
)
async def test_every_failure_is_a_refusal(world: World, error: Exception, code: str) -> None:
    async def fail(_: Context, __: Question) -> Answer:
        raise error

    with capture_logs() as logs, pytest.raises(Refusal) as refused:
        await call(asking(fail), world.context, {}, "req_1")
    assert refused.value.code == code
    assert "private" not in str(refused.value.body())
    assert logs[0]["request_id"] == "req_1"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"number": "1"}, "number"),
        ({"number": 1.0}, "number"),
        ({"number": True}, "number"),
        ({"number": -1}, "number"),
        ({"sure": "yes"}, "sure"),
        ({"sure": 1}, "sure"),
        ({"words": "one"}, "words"),
        ({"words": [1]}, "words.0"),
        ({"words": ["\ud800"]}, "words.0"),
        ({"words": ["a", "\0"]}, "words.1"),
    ],
)
def test_json_is_taken_as_it_is(arguments: dict[str, object], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(ASK, arguments)
    assert refused.value.code == "invalid_request"
    assert refused.value.details["field"] == field


def test_a_query_is_read_as_what_is_wanted() -> None:
    assert read(ASK, {"number": "7", "sure": "true", "words": ["a"]}, text=True) == Question(
        number=7, sure=True, words=["a"]
    )


def test_an_unknown_argument_is_named_with_the_nearest() -> None:
    with pytest.raises(Refusal) as refused:
        read(ASK, {"nubmer": 1, "other": 2, "number": "wrong"})
    assert refused.value.code == "unknown_argument"
    assert refused.value.details["unknown"] == {"nubmer": "number", "other": None}
    assert "did you mean 'number'?" in refused.value.sentence


def test_an_operation_without_arguments_says_so() -> None:
    with pytest.raises(Refusal, match="does not take 'reason'; it takes none"):
        read(BY_NAME["start_sending"], {"reason": "x"})


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def test_deep_arguments_are_refused() -> None:
    with pytest.raises(Refusal):
        read(ASK, nested(100_000))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["to", "subject", "markdown", "attachments", "cc"]) | st.text(max_size=8), ANYTHING, max_size=5
    )
)
def test_any_arguments_are_a_request_or_a_refusal(arguments: Mapping[str, object]) -> None:
    try:
        read(BY_NAME["send"], arguments)
    except Refusal as refusal:
        assert refusal.code in ("invalid_request", "unknown_argument")


@pytest.mark.parametrize(
    ("read_only", "request_id", "lines"), [(False, "req_1", 1), (True, "req_1", 0), (False, "", 0)]
)
async def test_the_log_tells_of_requests_that_change_something(
    world: World, read_only: bool, request_id: str, lines: int
) -> None:
    """A command has no request: it prints its answer, and a line beside it would spoil what a script reads."""
    with capture_logs() as logged:
        await call(asking(answer, read_only=read_only), world.context, {}, request_id)
        with pytest.raises(Refusal):
            await call(asking(answer, read_only=read_only), world.context, {"numbr": 1}, request_id)
    assert len(logged) == 2 * lines
    assert [line.get("refused") for line in logged] == [None, "unknown_argument"][: 2 * lines]
