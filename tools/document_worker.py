"""The process that `tools.workers` starts: a file on standard input, its text on standard output, and the end.

In: a line of JSON with the declared type and the name, then the bytes. Out: the fields of `Extracted`, as JSON.
"""

import json
import resource
import sys
from dataclasses import astuple

CPU_SECONDS = 10
MEMORY_BYTES = 144 * 1024 * 1024
"""Of address space; 60 MiB are Python's and the libraries'."""


def main() -> None:
    """Read one file within the limits, which hold before anything of it is read."""
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (least, least))
    from tools.mail.extract import text_of

    content_type, name = json.loads(sys.stdin.buffer.readline())
    found = text_of(sys.stdin.buffer.read(), content_type, name)
    sys.stdout.write(json.dumps(astuple(found)))


if __name__ == "__main__":
    main()
