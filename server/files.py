"""The files that the kernel lets this process have open: each connection is one."""

import resource

FILES = 65_536


def raise_limit() -> None:
    """Where the limit is soft, it is raised to what may be, and to FILES at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < most():
        resource.setrlimit(resource.RLIMIT_NOFILE, (most(), hard))


def most() -> int:
    """How high the limit is, or may be raised, and FILES at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or hard == resource.RLIM_INFINITY:
        return FILES
    return max(soft, min(FILES, hard))


def limit() -> int:
    """How many there may be; FILES where there is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FILES if soft == resource.RLIM_INFINITY else soft
