"""The server's certificate, read again when its files change: a renewal needs no restart."""

import ssl
from pathlib import Path

import structlog

log = structlog.get_logger("gatepost.tls")


class Certificate:
    """A chain and its key. Raises OSError (ssl.SSLError is one) when they cannot be used at the start."""

    def __init__(self, chain: Path, key: Path | None) -> None:
        self._chain = chain
        self._key = key
        self._seen = self._state()
        self._context = self._load()

    def __call__(self) -> ssl.SSLContext:
        """What the next TLS session is served with; files that do not fit together yet leave the old one at work."""
        seen = self._state()
        if seen != self._seen:
            self._seen = seen
            try:
                self._context = self._load()
            except OSError as error:
                log.error("the new certificate cannot be used", file=str(self._chain), error=str(error))
            else:
                log.info("the certificate was read again", file=str(self._chain))
        return self._context

    def _load(self) -> ssl.SSLContext:
        # a new context for each: in an old one a key of another kind would stay beside the new
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # without a password OpenSSL asks at the terminal for that of an encrypted key, and all waits
        context.load_cert_chain(self._chain, self._key, password="")
        return context

    def _state(self) -> tuple[int, ...]:
        """What changes with the files; nothing while one of them is missing."""
        try:
            states = [path.stat() for path in (self._chain, self._key) if path is not None]
        except OSError:
            return ()
        return tuple(number for state in states for number in (state.st_ino, state.st_size, state.st_mtime_ns))
