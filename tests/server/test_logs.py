"""What the log never holds, however much is written."""

import json
import subprocess
import sys
from datetime import datetime

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


FAILS = """
import logging
from server import logs

logs.configure("info")
try:
    raise RuntimeError("broken")
except RuntimeError:
    logging.getLogger("asyncio").exception("a callback failed")
logging.getLogger("uvicorn.error").info("Started")
logging.getLogger("uvicorn.error").error("Stopped")
"""


def test_what_libraries_log_has_the_same_form() -> None:
    ran = subprocess.run([sys.executable, "-c", FAILS], capture_output=True, text=True, timeout=60)
    failed, stopped = map(json.loads, ran.stderr.splitlines())
    assert (failed["event"], failed["level"], failed["logger"]) == ("a callback failed", "error", "asyncio")
    assert "RuntimeError: broken" in failed["exception"]
    assert (stopped["event"], stopped["logger"]) == ("Stopped", "uvicorn.error")
    assert datetime.fromisoformat(stopped["timestamp"]).tzinfo is not None


ODD = """
import structlog
from server import logs

logs.configure("info")
structlog.get_logger("x").info("odd", path="\\udc80", other=object(), one=float("nan"))
"""


LOST = """
import logging, os, structlog
from server import logs

reading, writing = os.pipe()
os.dup2(writing, 2)
os.close(writing)
logs.configure("info")
log = structlog.get_logger("x")
os.close(reading)
log.info("nobody reads this")
logging.getLogger("x").error("nor this")
full = os.open("/dev/full", os.O_WRONLY)
os.dup2(full, 2)
log.info("there is no room")
print("it goes on")
"""


def test_a_log_that_cannot_be_written_fails_nothing() -> None:
    """Or a mail that was stored would not be answered, and come again and again."""
    ran = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, "it goes on\n")


def test_no_value_is_too_odd_to_be_logged() -> None:
    ran = subprocess.run([sys.executable, "-c", ODD], capture_output=True, text=True, timeout=60)
    assert json.loads(ran.stderr)["path"] == "\udc80"


def test_at_debug_no_value_of_a_query_is_written() -> None:
    ran = subprocess.run([sys.executable, "-c", READS], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "done\n", ran.stderr
    assert "private" not in ran.stderr
