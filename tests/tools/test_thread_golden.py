"""Ten mails as Gmail, Outlook and Apple Mail write them, each quoting all before it: what the agent gets of them."""

from pathlib import Path

from tests.conftest import World
from tests.fakes.edges import on_sqlite
from tools.check_inbox import InboxRequest, check_inbox
from tools.list_thread import ThreadRequest, ThreadView, list_thread
from tools.mail.parse import parse
from tools.receive import Arrival, receive
from tools.tokens import estimate

pytestmark = on_sqlite

FOLDER = Path(__file__).parent / "golden" / "thread"
MAILS = sorted(FOLDER.glob("*.eml"))


async def thread_of_ten(world: World, max_tokens: int) -> ThreadView:
    for path in MAILS:
        await receive(world.system, Arrival("bounces@example.com", (world.mailbox.address,), path.read_bytes()))
    newest = (await check_inbox(world.context, InboxRequest(limit=1))).messages[0]
    return await list_thread(world.context, ThreadRequest(thread_id=newest.thread_id, max_tokens=max_tokens))


def written(view: ThreadView) -> str:
    """The conversation as a page of text."""
    entries = [f"{entry.sender.name_untrusted}:\n{entry.text_untrusted}\n" for entry in view.messages]
    turn = f"waiting for {view.waiting_for}, with {', '.join(view.waiting_with)}, asks: {view.asks}\n"
    return "\n".join([f"{view.subject_untrusted} ({view.message_count})\n", *entries, turn])


async def test_ten_mails_are_one_thread_of_new_text_alone(world: World) -> None:
    view = await thread_of_ten(world, 6_000)
    assert written(view) == (FOLDER / "thread.txt").read_text(encoding="utf-8")
    assert view.message_count == len(view.messages) == 10 and view.left_out == 0
    assert [person.name_untrusted for person in view.participants] == ["Bea Lindqvist", "Carl Maurer", "Dora Petit"]
    _print(view)


async def test_within_a_short_budget_the_newest_stay_whole(world: World) -> None:
    view = await thread_of_ten(world, 1_500)
    assert view.tokens <= 1_500 and view.left_out > 0
    newest = view.messages[-1]
    assert newest.text_untrusted.startswith("Then let us take 21-22 April") and not newest.truncated


def _print(view: ThreadView) -> None:
    """The table of docs/corpora.md."""
    print("\n| mail | raw bytes | tokens of raw | of its text | of what is new |\n|---|---|---|---|---|")
    total = [0, 0, 0, 0]
    for path in MAILS:
        raw = path.read_bytes()
        parsed = parse(raw)
        row = [len(raw), estimate(raw.decode()), estimate(parsed.text), estimate(parsed.new_text)]
        total = [each + more for each, more in zip(total, row, strict=True)]
        print(f"| {path.stem} | {' | '.join(f'{each:,}' for each in row)} |")
    print(f"| all | {' | '.join(f'{each:,}' for each in total)} |")
    print(f"\nlist_thread: {view.tokens:,} tokens, ids, people, verdicts and times included.\n\n{written(view)}")
