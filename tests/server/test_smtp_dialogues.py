"""Published SMTP dialogues, played to the listener; compared by the class of each reply."""

import ast
import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import World
from tests.e2e.listener import listening
from tests.e2e.smtp_talk import Talk, talking
from tools.accounts import SigningKeys, create_account, create_mailbox

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora")) / "smtp-dialogues"
OF_SUBMISSION = {"auth_multi_dialog.cmy", "auth_not_tls.cmy", "auth_too_many_failures.cmy"}
"""Sign-in is on the submission port here: `tests/server/test_submission.py`."""
DIFFERENT = {
    "bad_data.cmy": "a mail whose header cannot be read is kept, with a defect; this one refuses it",
    "bad_data_dot.cmy": "a bare line feed is kept in the mail and ends nothing; this one refuses the mail",
    "bad_data_dot_2.cmy": "the same",
}
"""Dialogues that ask for another answer than ours, and why ours is as it is."""


def dialogues() -> list[Path]:
    return [path for path in sorted(CORPUS.rglob("*.cmy")) if path.name not in OF_SUBMISSION | DIFFERENT.keys()]


@pytest.mark.parametrize("path", dialogues(), ids=lambda path: path.name)
async def test_a_published_dialogue_goes_as_it_should(world: World, path: Path) -> None:
    await with_user(world)
    async with listening(world, 1024 * 1024) as port:
        await play(port, path.read_text(encoding="utf-8").splitlines())


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the published corpora (GATEPOST_CORPORA)")
@pytest.mark.parametrize("name", DIFFERENT)
async def test_where_ours_differs_it_still_differs(
    world: World, name: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("score", ("smtp-dialogues", 0, 1, ""))
    await with_user(world)
    (path,) = CORPUS.rglob(name)
    async with listening(world, 1024 * 1024) as port:
        with pytest.raises(AssertionError):
            await play(port, path.read_text(encoding="utf-8").splitlines())


async def with_user(world: World) -> None:
    """The mailbox that the dialogues write to."""
    account = await create_account(world.system, "testserver.example", "boss@example.net", SigningKeys("gp", "", ""))
    await create_mailbox(world.system, account.id, "user", "testserver.example")


async def play(port: int, lines: list[str]) -> None:
    """Say what the dialogue says, and look at each reply. Raises AssertionError."""
    async with asyncio.timeout(20):
        rest = lines
        while rest:
            async with talking(port) as talk:
                rest = await until_reconnect(talk, rest[1:] if "_connect" in rest[0] else rest)


async def until_reconnect(talk: Talk, lines: list[str]) -> list[str]:
    """Play the lines of one connection; those of the next."""
    for number, line in enumerate(lines):
        if not line.startswith("c ") or line.strip() == "c close":
            continue
        if "_connect" in line:
            if number > 1 or lines[0].strip():
                return lines[number:]
            continue
        match line[2:].split(" ", 1):
            case ["->", *text]:
                await talk.send("".join(text).replace("testserver", "testserver.example").encode() + b"\r\n")
            case ["~>", expression]:
                await talk.send(evaluated(expression))
            case ["<-" | "<~" | "<...", wanted]:
                reply = await talk.reply()
                assert reply[:1] == wanted[:1], f"{line}: {reply}"
    return []


def evaluated(expression: str) -> bytes:
    """What an expression of quoted text, +, * and numbers gives."""
    value = _value(ast.parse(expression.strip(), mode="eval").body)
    assert isinstance(value, str)
    return value.encode()


def _value(node: ast.expr) -> str | int:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=int(number)):
            return number
        case ast.BinOp(left=left, op=ast.Mult(), right=ast.Constant(value=int(times))):
            return f"{_value(left)}" * times
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return f"{_value(left)}{_value(right)}"
    raise AssertionError(ast.dump(node))
