"""How the C library keeps memory that is free again."""

import ctypes

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
