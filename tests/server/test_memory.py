"""The memory of large mails is the system's again when they are stored, and a collection looks at little."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LARGE_MAILS = """
import resource, sys
from pathlib import Path
from server.memory import return_large_blocks

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20

if sys.argv[1] == "returned":
    return_large_blocks()
first = bytearray(b"x") * (24 << 20)
del first
before = resident()
mails = [bytearray(b"x") * (20 << 20) for _ in range(4)]
small = bytearray(100_000)
del mails
print(resident() - before)
"""
"""Four at once, behind a larger one; what stays resident, in MiB."""

COLLECTED = """
import gc, sys
import server.app
from server.memory import pass_over_what_stays

if sys.argv[1] == "passed over":
    pass_over_what_stays()
print(len(gc.get_objects()))
"""
"""What a full collection looks at."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory otherwise")
def test_large_blocks_are_the_systems_again() -> None:
    assert _kept("returned") < 5
    assert _kept("as it is") > 40, "glibc learned to do so by itself"


def test_the_collector_passes_over_what_a_server_is_made_of() -> None:
    assert _run(COLLECTED, "passed over") < 1_000
    assert _run(COLLECTED, "as it is") > 50_000, "the server has become small"


def _kept(how: str) -> int:
    return _run(LARGE_MAILS, how)


def _run(program: str, how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", program, how], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)
