"""Memory: what the C library keeps of it when it is free, and what Python's collector looks through."""

import ctypes
import gc

_MMAP_THRESHOLD = -3
"""mallopt(3): from so many bytes on a block is a mapping of its own, and the system's again when it is freed."""
LARGE = 1024 * 1024


def return_large_blocks() -> None:
    """Have glibc keep no large block that is free.

    Left to itself it raises its threshold with every block that is freed, up to 32 MiB: after a few large mails theirs
    lie on the heap, between others, and what is free there stays. Another C library than glibc is left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_MMAP_THRESHOLD, LARGE)


def pass_over_what_stays() -> None:
    """Have the collector look no more at what is there by now, which lives as long as the process.

    Each time the objects have become a quarter more it looks through all of them, and nothing else runs meanwhile: for
    70 ms in a server that has started, and for 2 without what it started with.
    """
    gc.collect()
    gc.freeze()
