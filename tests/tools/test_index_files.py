"""What attached files say is found, a little later than the mail itself."""

import io
import zipfile
from email.message import EmailMessage

from tests.conftest import World
from tests.tools.test_search import arrive, found
from tools.index_files import FILE_CHARS, index_files
from tools.indexing import index_all
from tools.send import SendRequest, send


def document(text: str) -> bytes:
    """A word processor's file with one paragraph."""
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{name}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>',
        )
    return written.getvalue()


def mail(*files: tuple[bytes, str, str]) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "ada@agents.example", "With files"
    message.set_content("See the files.")
    for content, type_, name in files:
        main, _, sub = type_.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


async def test_the_text_of_files_is_found(world: World) -> None:
    word = document("The penguins are counted.")
    await arrive(world, mail((word, "application/octet-stream", "birds.docx"), (b"walrus\n", "text/plain", "b.txt")))
    await index_all(world.system)
    assert len(await found(world, "filename:birds")) == 1 and await found(world, "penguins") == []
    assert await index_files(world.system) and not await index_files(world.system)
    for query in ('"penguins are counted"', "walrus", "files has:attachment", "filename:birds"):
        assert len(await found(world, query)) == 1, query
    assert await found(world, '"counted walrus"') == [], "a phrase does not go from file to file"


async def test_pictures_and_broken_files_are_passed_over(world: World) -> None:
    await arrive(world, mail((b"\x89PNG", "image/png", "a.png")))
    await index_all(world.system)
    assert not await index_files(world.system)
    await arrive(world, mail((b"%PDF-1.7 broken", "application/pdf", "a.pdf")))
    await index_all(world.system)
    assert await index_files(world.system) and not await index_files(world.system)
    assert len(await found(world, "files")) == 2


async def test_files_of_more_words_than_an_entry_holds_stop_nothing(world: World) -> None:
    """On PostgreSQL they were an error, and no file of anybody was read any more."""
    texts = [" ".join(f"{file:02}{place:03}{'𐐨' * 59}" for place in range(FILE_CHARS // 65)) for file in range(10)]
    files = [(text.encode(), "text/plain; charset=utf-8", f"{place}.txt") for place, text in enumerate(texts)]
    await arrive(world, mail(*files))
    await index_all(world.system)
    assert await index_files(world.system) and not await index_files(world.system)
    assert len(await found(world, texts[0].split()[7])) == 1


async def test_so_much_of_a_file_is_indexed(world: World) -> None:
    text = b"early " + b"." * FILE_CHARS + b" late"
    await arrive(world, mail((text, "text/plain", "long.txt")))
    await index_all(world.system)
    await index_files(world.system)
    assert len(await found(world, "early")) == 1 and await found(world, "late") == []


async def test_a_mail_without_readable_files_keeps_its_entry(world: World) -> None:
    await arrive(world, mail((b"walrus\n", "text/plain", "b.txt")))
    sent = await send(world.context, SendRequest(to=["z@example.com"], subject="Plain", markdown="x"))
    await index_all(world.system)
    await world.system.db.script("UPDATE search_entry SET files_wait = 1;")
    assert await index_files(world.system) and await index_files(world.system) and not await index_files(world.system)
    assert await found(world, "subject:plain") == [sent.message_id] and len(await found(world, "walrus")) == 1
