"""Worker processes that read attached files: a file may be made to harm whoever opens it.

A worker reads one file and ends. It has limits on memory, processor time and files, and nothing of the server's
environment; the server reads a bounded answer from it, for a bounded time.
"""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools.mail.documents.reader import HIDDEN_CHARS
from tools.mail.extract import CHARS, Extracted, kind_of, text_of
from tools.places import Places

SECONDS = 30.0
"""For one file."""
FILE_BYTES = 32 * 1024 * 1024
"""Larger files are not read."""
_ANSWER_BYTES = 13 * (CHARS + HIDDEN_CHARS)
"""JSON writes a character in at most twelve ASCII ones."""
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Workers:
    """At most two files are read at once, each in a process of its own."""

    places: Places = field(default_factory=lambda: Places(2, 1))
    """Whoever has a file read takes one of these: an account has one at most, so that no other waits for it."""

    async def text_of(self, content: bytes, content_type: str, name: str) -> Extracted:
        """What a file says; `tools.mail.extract.text_of` tells what may come back. Never raises."""
        kind = kind_of(content, content_type, name)
        if kind in ("text", "none"):  # nothing that a file could be made to do
            return await asyncio.to_thread(text_of, content, content_type, name)
        if len(content) > FILE_BYTES:
            return Extracted("", reason="too_much")
        try:
            async with asyncio.timeout(SECONDS):
                return await _ask_worker(content, content_type, name)
        except TimeoutError:
            return Extracted("", reason="timed_out")


async def _ask_worker(content: bytes, content_type: str, name: str) -> Extracted:
    process = _start()
    try:
        # the name goes this way too: everybody on a machine can read the arguments of its processes
        said = json.dumps([content_type, name]).encode() + b"\n"
        # the thread sees to the end of the process even if nobody waits for it any more
        return await asyncio.shield(asyncio.to_thread(_conversation, process, said, content))
    finally:
        process.kill()


def _start() -> "subprocess.Popen[bytes]":
    """Start a worker. The event loop's own way is a fork, which stops a server of some size for 15 ms; this vfork takes
    one."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "tools.document_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(dict.fromkeys([str(_ROOT), *filter(None, sys.path)]))},
    )


def _conversation(process: "subprocess.Popen[bytes]", *said: bytes) -> Extracted:
    """Hand the file over and read the answer. A worker that ends without one has met one of its limits."""
    assert process.stdin is not None and process.stdout is not None
    with process:
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.writelines(said)
        answer = process.stdout.read(_ANSWER_BYTES + 1)
        if len(answer) > _ANSWER_BYTES:
            process.kill()
    try:
        text, truncated, reason, unseen = json.loads(answer)
    except ValueError:
        return Extracted("", reason="too_much")
    return Extracted(text, truncated, reason, unseen)
