"""No mail inside another: only CRLF "." CRLF ends one, however the bytes are cut on their way (RFC 5321 4.1.1.4)."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from server.smtp.inbound import Inbound, Shared, Terms
from server.smtp.peers import Bounds, Peers
from tests.conftest import World
from tests.e2e.listener import stored
from tests.fakes.pipe import Pipe

pytestmark = pytest.mark.parametrize("db", ["sqlite"], indirect=True)

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora")) / "smtp-smuggling"
ADA = "ada@agents.example"
# ends of data that some server takes for the end (CVE-2023-51764 and its kin), and some more
OWN = [
    "\n.\n",
    "\n.\r\n",
    "\r.\r",
    "\r\n.\n",
    "\r\n.\r",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\r\n .\r\n",
    "\r\n..\r\n",
    "\x85.\x85",
]


def sequences() -> list[str]:
    """Our own and, if they are here, the published ones of both directions."""
    try:
        published = json.loads((CORPUS / "sequences.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return OWN
    return list(dict.fromkeys([*OWN, *published["inbound_eod"], *published["outbound_eod"]]))


@pytest.mark.parametrize("sequence", sequences(), ids=repr)
async def test_one_mail_stays_one_wherever_it_is_cut(world: World, sequence: str) -> None:
    end = sequence.encode("latin-1")
    inner = f"MAIL FROM:<boss@example.net>\r\nRCPT TO:<{ADA}>\r\nDATA\r\nSubject: smuggled\r\n\r\nafter\r\n".encode()
    wire = b"Subject: honest\r\n\r\nbefore" + end + inner + b".\r\n"
    envelope = f"EHLO c\r\nMAIL FROM:<bea@example.net>\r\nRCPT TO:<{ADA}>\r\nDATA\r\n".encode()
    terms = Terms(world.system, "mx.agents.example", 100_000)
    shared = Shared(Peers(Bounds(per_address=10_000, connections=10_000), asyncio.get_running_loop().time))
    # at every byte around the false end, and byte by byte
    near = range(wire.index(b"before"), wire.index(b"MAIL FROM") + 2)
    cuts = [[wire[:at], wire[at:]] for at in near] + [[bytes([each]) for each in wire]]
    for pieces in cuts:
        pipe = Pipe(Inbound(terms, shared))
        pipe.feed([envelope])
        assert (await pipe.replies(5))[-1].startswith(b"354 ")
        pipe.feed(pieces)
        pipe.feed([b"NOOP\r\n"])
        # one reply to the mail, one to NOOP, and no third to what was hidden in it
        assert [reply[:3] for reply in await pipe.replies(2)] == [b"250", b"250"]
        pipe.close()
    assert await stored(world) == [wire[:-3].replace(b"\r\n.", b"\r\n")] * len(cuts)
