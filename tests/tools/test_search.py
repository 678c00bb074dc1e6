"""Search: the same answers on both databases, walls between mailboxes, and nothing that a query can break."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from email.message import EmailMessage
from pathlib import Path

import pytest

from policies.modes import Mode
from server.calls import call
from server.indexer import keep_index
from storage.database import Transaction, many
from storage.errors import Conflict
from storage.records import Approval
from storage.sqlite import SQLite
from tests.conftest import World, eventually, make_world, missing
from tools import few
from tools.context import DAY
from tools.decide import approve, reject
from tools.errors import Refusal
from tools.indexing import BATCH, index_all
from tools.paging import cursor_of
from tools.receive import Arrival, receive
from tools.search import SEARCH, SearchRequest, search, snippet
from tools.send import SendRequest, send
from tools.tags import TagRequest, tag

CORPORA = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
CORPUS = CORPORA / "strings-naughty" / "blns.json"

MAILS: dict[str, tuple[str, str, str]] = {
    "invoice": ("Ann Lee <ann@example.com>", "Invoice 4711", "Please pay the invoice by Friday. Total: 1,200.50 EUR."),
    "crème": ("Chef <chef@bistro.example>", "Crème brûlée", "The recipe for the café at the Straße of Orléans."),
    "tokyo": ("Ken <ken@example.jp>", "東京 meeting", "We meet at the 東京タワー on Monday."),
    "press": ("Press <press@news.example>", "Quarterly report", "The quarterly report is out. Read the report online."),
    "naughty": ("Bob <bob@example.com>", "AND OR NOT NEAR", "Quotes \" and * and ( and ' and -- and % and _ here."),
    "thanks": ("Ann Lee <ann@example.com>", "Re: Invoice 4711", "Thank you, the money has arrived. Best, Ann"),
    "russian": ("Иван <ivan@example.net>", "Привет, Москва", "Ёлка стоит на площади."),
    "file": ("Bob <bob@example.com>", "Draft contract", "See the attached draft."),
    "hidden": ("Bob <bob@example.com>", "Soft\u00adhyphen", "An in\u00advoice, and zero\u200bwidth."),
}
"""From, subject and text of mails, oldest first, by the name that the queries below have for them."""

QUERIES: dict[str, str] = {
    "invoice": "hidden thanks invoice",
    "INVOICE -thank": "hidden invoice",
    '"the invoice"': "invoice",
    '"invoice the"': "",
    "inv*": "hidden thanks invoice",
    "invo": "",
    "creme brulee": "crème",
    "cafe strasse orleans": "crème",
    "东京": "",
    "東京": "tokyo",
    "タワー": "tokyo",
    "京東": "",
    "from:ann": "thanks invoice",
    'from:"ann lee" money': "thanks",
    "from:example.com": "hidden file thanks naughty invoice",
    "from:com example": "hidden file thanks naughty invoice",
    "-from:example.com": "sent russian press tokyo crème",
    "to:ada": "hidden file russian thanks naughty press tokyo crème invoice",
    "to:zoe": "sent",
    "cc:carol": "file",
    "subject:invoice": "thanks invoice",
    "subject:report read": "press",
    "subject:online": "",
    "has:attachment": "file",
    "filename:contract": "file",
    "filename:pdf has:attachments": "file",
    "in:inbox -is:unread": "press",
    "is:unread report": "",
    "in:outbox": "sent",
    "after:2026-01-04 before:2026-01-06": "naughty press",
    "-after:2026-01-03": "crème invoice",
    "tag:customer": "thanks press",
    "tag:customer=Acme": "press",
    "-tag:customer ann": "invoice",
    "привет елка": "russian",
    "and or not near": "naughty",
    "4711 1,200.50": "invoice",
    "foo:bar": "",
    "zerowidth": "hidden",
    "repo* onl* qua*": "press",
}


def mail(sender: str, subject: str, text: str, *, cc: str = "", file: str = "") -> bytes:
    """A mail with one text, and perhaps one file."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "Ada <ada@agents.example>", subject
    if cc:
        message["Cc"] = cc
    message.set_content(text)
    if file:
        message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename=file)
    return message.as_bytes()


async def arrive(world: World, raw: bytes) -> None:
    await receive(world.system, Arrival("a@example.com", (world.mailbox.address,), raw))


async def found(world: World, query: str, **more: object) -> list[str]:
    """Ids of what is found, newest first."""
    request = SearchRequest.model_validate({"query": query, "limit": 100} | more)
    return [hit.message_id for hit in (await search(world.context, request)).messages]


async def subjects(world: World, query: str) -> list[str]:
    return [hit.subject_untrusted for hit in (await search(world.context, SearchRequest(query=query))).messages]


@pytest.fixture
async def library(world: World) -> dict[str, str]:
    """The mails above, a day apart, and one that was sent; their names by their ids."""
    for name, (sender, subject, text) in MAILS.items():
        extra = {"cc": "Carol <carol@example.org>", "file": "Contract v2.pdf"} if name == "file" else {}
        await arrive(world, mail(sender, subject, text, **extra))
        world.clock.at += DAY
    await send(world.context, SendRequest(to=["Zoe <zoe@example.com>"], subject="Plans", markdown="**Bold** plans"))
    await index_all(world.system)
    everything = await found(world, "in:inbox") + await found(world, "in:outbox")
    names = dict(zip(everything, [*reversed(MAILS), "sent"], strict=True))
    ids = {name: message_id for message_id, name in names.items()}
    await tag(world.context, TagRequest(message_id=ids["thanks"], tags={"customer": "other"}))
    await tag(world.context, TagRequest(message_id=ids["press"], tags={"customer": "Acme", "done": ""}))

    async def read(transaction: Transaction) -> None:
        await transaction.run("mark_read", id=ids["press"])

    await world.system.db.write(read)
    return names


@pytest.mark.parametrize("most", [2_000, 2, 0], ids=["all few", "some few", "all many"])
async def test_every_query_has_the_same_answer_on_both_databases(
    world: World, library: dict[str, str], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(few, "FEW", most)
    answers = {query: " ".join(library[each] for each in await found(world, query)) for query in QUERIES}
    assert answers == QUERIES


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("from:ann OR from:bob", "Search once for each"),
        ("oregon or", "fewer or other words"),
        ("ORANGE", "fewer"),
        ("older_than:7d Label:work from:ann", "No operator here: older_than:, Label:. There are from:"),
        ("from:ann https://nothing.example", "fewer"),
    ],
)
async def test_who_joins_words_as_elsewhere_is_told_why_nothing_is_found(world: World, query: str, advice: str) -> None:
    assert advice in (await search(world.context, SearchRequest(query=query))).next


async def test_pages_have_neither_gaps_nor_repeats(world: World, library: dict[str, str]) -> None:
    whole, seen, cursor = await found(world, "-nothing"), [], None
    while True:
        page = await search(world.context, SearchRequest(query="-nothing", limit=3, cursor=cursor))
        seen += [hit.message_id for hit in page.messages]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == whole and len(whole) == len(library)


async def test_a_hit_says_what_it_is_in_few_words(world: World, library: dict[str, str]) -> None:
    (hit,) = (await search(world.context, SearchRequest(query="tag:customer=Acme"))).messages
    assert hit.tags == {"customer": "Acme", "done": ""} and hit.status == "read" and not hit.has_attachments
    assert hit.sender.email == "press@news.example"
    assert hit.snippet_untrusted == "The quarterly report is out. Read the report online."


def test_a_snippet_is_what_stands_around_the_word() -> None:
    text = "x " * 500 + "the treasure is here\n\n" + "y " * 500
    shown = snippet(text, ["treasure"])
    assert shown.startswith("… x x") and "the treasure is here y" in shown and shown.endswith(" …") and len(shown) < 220
    assert snippet("Short", ["absent"]) == "Short" and snippet("(a+", ["(a+"]) == "(a+"


@pytest.mark.parametrize(
    "query", ["from:bücher.example", "from:Ann@BÜCHER.example", "from:xn--bcher-kva.example", "bücher", "from:ann"]
)
async def test_a_domain_of_another_alphabet_is_found_as_it_is_written_and_read(world: World, query: str) -> None:
    await arrive(world, "From: ann@bücher.example\r\nSubject: One\r\n\r\nHello\r\n".encode())
    await index_all(world.system)
    assert await subjects(world, query) == ["One"]


async def test_another_account_and_mailbox_find_nothing_of_ours(world: World, library: dict[str, str]) -> None:
    """The mailbox is part of the search itself, and looked at again on the message (promises: E9)."""
    other = await make_world(world.system, world.clock, "others.example")
    await receive(
        world.system, Arrival("a@example.com", (other.mailbox.address,), mail("x@example.com", "invoice", "ours"))
    )
    await index_all(world.system)
    for query in (*QUERIES, "-nothing", f"mailbox{world.mailbox.id}", f"mailbox\u00b7{world.mailbox.id}"):
        assert not set(await found(other, query)) & library.keys()
    assert await subjects(other, "invoice") == ["invoice"]
    with pytest.raises(Refusal) as refused:
        await found(other, "invoice", mailbox_id=world.mailbox.id)
    assert refused.value.code == "mailbox_not_found"


async def test_held_rejected_and_deleted_mail_is_not_found(world: World) -> None:
    await world.in_mode(Mode.GATED_ALL)
    for number in (1, 2):
        await arrive(world, mail("a@example.com", f"Held {number}", "secret"))
    await index_all(world.system)
    assert await subjects(world, "secret") == []
    waiting = await many(world.system.db, Approval, "pending_approvals", account_id=world.account.id, limit=10)
    await approve(world.system, waiting[0], 1, world.overseer)
    await reject(world.system, waiting[1], 1, world.overseer, "no")
    assert await subjects(world, "secret") == ["Held 1"]


async def test_an_edited_mail_is_found_by_its_new_words(world: World) -> None:
    sent = await send(world.context, SendRequest(to=["zoe@example.com"], subject="First", markdown="old words"))
    await index_all(world.system)
    await world.system.db.script(
        f"UPDATE message SET revision = 2 WHERE id = '{sent.message_id}';\n"
        f"UPDATE message_text SET body_text = 'new words' WHERE message_id = '{sent.message_id}';\n"
        "UPDATE search_mark SET seq = 0;"
    )
    await index_all(world.system)
    assert await found(world, "old") == [] and await found(world, "new") == [sent.message_id]


async def test_a_long_mail_is_found_as_far_as_it_is_indexed(world: World) -> None:
    """Within what PostgreSQL holds of places and lexemes, and FTS5 alike."""
    text = "common " * 1000 + " ".join(f"u{number}" for number in range(20_000))
    await arrive(world, mail("a@example.com", "Long", "\n".join(text[at : at + 70] for at in range(0, len(text), 70))))
    await index_all(world.system)
    early, late = text.split()[1000:1100], text.split()[-1]
    for query in ("common", early[50], f'"{early[10]} {early[11]}"'):
        assert len(await found(world, query)) == 1, query
    assert await found(world, late) == []


LANGUAGES: dict[str, tuple[str, ...]] = {
    "เราจะไปเที่ยวที่กรุงเทพมหานครวันจันทร์": ("กรุงเทพ", "วันจันทร์", '"เที่ยว"', "เรา*"),
    "मैं हिन्दी सीखता हूँ": ("हिन्दी", "हिन*", "हूँ मैं"),
    "محمـــد كَتَبَ رسالة رقم ٤٧١١": ("محمد", "كتب", "4711"),
    "בית־ספר שָׁלוֹם": ("בית", "ספר שלום", '"בית ספר"'),
    "Łódź i Wrocław": ("lodz", "łódź WROCŁAW"),
    "IŞIK ve İstanbul": ("ışık", "isik", "ISTANBUL", "istanbul"),
    "Donaudampfschifffahrt auf der STRASSE, GROẞE Maße": ("donaudampf*", "straße", "grosse masse"),
    "ＡＢＣ１２３ ｶﾞｷﾞ": ("abc123", "ガギ"),
    "서울에서 만나요": ("서울*", "서울에서"),
    "我们下周在上海开会": ("上海", "下周"),
    "party 🎉 time": ("🎉 party", '"party time"'),
}


async def test_mail_in_any_language_is_found_by_its_words(world: World) -> None:
    for text in LANGUAGES:
        await arrive(world, mail("a@example.com", text, "The same in every mail."))
    await index_all(world.system)
    asked = [(query, text) for text, queries in LANGUAGES.items() for query in queries]
    assert [query for query, text in asked if await subjects(world, query) != [text]] == []


async def test_mail_is_found_within_a_second(world: World) -> None:
    """The indexer at work, while mail comes in (promises: A16)."""
    indexing = asyncio.create_task(keep_index(world.system))
    try:
        for number in range(3):
            await arrive(world, mail("a@example.com", f"Soon {number}", "needle"))

            async def there(wanted: int = number + 1) -> bool:
                return len(await found(world, "needle")) == wanted

            await eventually(there, seconds=1)
    finally:
        indexing.cancel()


async def test_a_batch_that_is_cut_off_is_indexed_later_and_once(world: World) -> None:
    """The mark moves in one commit with the entries: neither is there without the other."""
    for number in range(BATCH + 10):
        await arrive(world, mail("a@example.com", f"Mail {number}", "needle"))
    await world.system.db.script(
        "/* sqlite */ CREATE TRIGGER refused BEFORE INSERT ON search_entry WHEN new.message_id IN\n"
        "/* sqlite */ (SELECT message_id FROM event WHERE seq = 20) BEGIN SELECT RAISE(ABORT, 'no'); END;\n"
        "/* postgres */ ALTER TABLE search_entry ADD CONSTRAINT refused CHECK (id < 20);"
    )
    with pytest.raises(Conflict):
        await index_all(world.system)
    assert await found(world, "needle") == []
    await world.system.db.script(
        "/* sqlite */ DROP TRIGGER refused;\n/* postgres */ ALTER TABLE search_entry DROP CONSTRAINT refused;"
    )
    await asyncio.gather(*(index_all(world.system) for _ in range(3)))
    assert len(await found(world, "needle")) == BATCH + 10


async def test_long_mails_are_written_one_by_one(world: World) -> None:
    """SQLite has one writer: it is held by how much there is to write, however few mails that is."""
    for number in range(3):
        await arrive(world, mail("a@example.com", f"Mail {number}", f"needle {'and more ' * 3000}"))
    await world.system.db.script(
        "/* sqlite */ CREATE TRIGGER refused BEFORE INSERT ON search_entry WHEN new.message_id IN\n"
        "/* sqlite */ (SELECT id FROM message WHERE subject = 'Mail 2') BEGIN SELECT RAISE(ABORT, 'no'); END;\n"
        "/* postgres */ ALTER TABLE search_entry ADD CONSTRAINT refused CHECK (id < 3);"
    )
    with pytest.raises(Conflict):
        await index_all(world.system)
    assert len(await found(world, "needle")) == 2
    await world.system.db.script(
        "/* sqlite */ DROP TRIGGER refused;\n/* postgres */ ALTER TABLE search_entry DROP CONSTRAINT refused;"
    )
    await index_all(world.system)
    assert len(await found(world, "needle")) == 3


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
async def test_the_index_is_merged_a_little_with_each_unit(world: World) -> None:
    """Each unit leaves a piece that every search looks into; to merge all of them at once takes long."""
    for number in range(60):
        await arrive(world, mail("a@example.com", f"Mail {number}", "needle"))
        await index_all(world.system)
    assert isinstance(world.system.db, SQLite)
    with closing(sqlite3.connect(world.system.db.path)) as connection:
        (pieces,) = connection.execute("SELECT count(DISTINCT segid) FROM search_words_idx").fetchone()
        connection.execute("INSERT INTO search_words (search_words) VALUES ('integrity-check')")
    assert pieces < 15
    assert len(await found(world, "needle")) == 60


NAUGHTY = (
    '"',
    "'",
    "*",
    "-",
    "()",
    "a OR b",
    "NEAR(a b)",
    "a NOT b",
    "^a",
    "{subject}: a",
    "subject:*",
    "a:*",
    "a & b | !c",
    "<->",
    "a <2> b",
    "'; DROP TABLE message; --",
    "\u202e\u200b",
    "%_\\",
    ":x",
    "::text",
    "$1",
    "\ud7ff\uffff",
    "a" * 1000,
    "a " * 500,
    '"a" ' * 200,
    "after:9999-12-31T23:59:59+14:00",
    "after:0001-01-01T00:00:00-23:59",
    "before:" + "9" * 400,
    "tag:'",
    "tag:=",
    "\u00b7 mailbox\u00b7x has\u00b7attachment",
    "ß ﬁ ㎏ ℌ ŉ İ",
    "x" * 65536,
)


async def answers(world: World, query: str) -> bool:
    """Whether a query is answered, or refused as one that makes no sense."""
    try:
        await call(SEARCH, world.context, {"query": query, "mailbox_id": world.mailbox.id}, "")
    except Refusal as refusal:
        return refusal.condition.status == 400
    return True


async def test_no_query_is_an_error_of_the_database(world: World) -> None:
    """What does not make sense is refused with 400 or finds nothing (promises: E9)."""
    assert [query for query in NAUGHTY if not await answers(world, query)] == []


async def test_the_naughty_strings_are_no_errors_either(world: World) -> None:
    """Five hundred that broke other programs (promises: E9)."""
    if not CORPUS.is_file():
        missing("the published corpora (GATEPOST_CORPORA)")
    lines = [line for line in json.loads(CORPUS.read_text(encoding="utf-8")) if line and "\0" not in line]
    assert len(lines) > 400
    assert [line for line in lines if not await answers(world, line)] == []


async def test_a_cursor_that_no_column_holds_is_refused(world: World) -> None:
    for at in (2**63, -1):
        with pytest.raises(Refusal) as refused:
            await found(world, "word", cursor=cursor_of(at, ""))
        assert refused.value.code == "invalid_cursor"
