"""What the log never holds, however much is written."""

import subprocess
import sys

READS = """
import asyncio
import aiosqlite
from server import logs

async def read():
    async with aiosqlite.connect(":memory:") as database:
        await database.execute_fetchall("SELECT :word", {"word": "a private word"})

logs.configure("debug")
asyncio.run(read())
print("done")
"""


def test_at_debug_no_value_of_a_query_is_written() -> None:
    ran = subprocess.run([sys.executable, "-c", READS], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "done\n", ran.stderr
    assert "private" not in ran.stderr
