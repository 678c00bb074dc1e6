"""Sockets that cannot be opened, said so that the operator knows what to do."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from server.settings import SettingsError


@contextmanager
def listening(part: str, host: str, port: int) -> Iterator[None]:
    """Around what opens the socket of `part` (http, smtp, submission). Raises SettingsError."""
    try:
        yield
    except OSError as error:
        raise SettingsError(f"Cannot listen on {host}:{port}: {why(error)}. {fix(part, port, error)}") from error


def open_socket(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises OSError."""
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def why(error: OSError) -> str:
    """What kept a socket from being opened, in words."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    # names that cannot be looked up have numbers of their own; the socket module repeats the address behind the words
    return (error.strerror or str(error)).partition(" (")[0].lower()


def fix(part: str, port: int, error: OSError) -> str:
    """What to do about it."""
    if error.errno == errno.EADDRINUSE:
        return f"Stop what listens there ('ss -ltnp sport = {port}' names it), or set {part}_port to a free one."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Ports below 1024 need CAP_NET_BIND_SERVICE: give it, or set {part}_port to one from 1024 on."
    return f"Set {part}_host to an address of this machine."
