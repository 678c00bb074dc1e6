"""The server's secret: given in the settings, or a file in the data folder that is made once."""

import base64
import binascii
import os
import secrets
import tempfile
from pathlib import Path

from server.settings import DATABASE, Settings, SettingsError
from tools.context import Secret

BYTES = 32
_FIX = "Put back the one that belongs to the database; for a new one, 'openssl rand -base64 32' makes it."
FILE = "secret"


def load_secret(settings: Settings) -> Secret:
    """The secret in force, made now if there is none. Raises SettingsError."""
    if settings.secret is not None:
        return _decoded(settings.secret.get_secret_value(), "the setting secret")
    path = settings.data / FILE
    try:
        if not path.exists():
            _refuse_orphan(settings)
            _make(path)
        return _decoded(path.read_text(encoding="ascii"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The secret {path} cannot be used: {error}.") from error


def _refuse_orphan(settings: Settings) -> None:
    """Raise SettingsError for a database whose secret is gone: a new one would look like its own, and open nothing."""
    database = settings.data / DATABASE
    if settings.database_url is None and database.exists() and database.stat().st_size:
        raise SettingsError(
            f"There is no secret in {settings.data}, and the database there was set up with one. "
            "Put back the secret that belongs to it."
        )


def _make(path: Path) -> None:
    """Write a new secret, whole or not at all; of two processes that try, both go on with the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # mkstemp makes the file with mode 0600
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".secret-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # a link, unlike a rename, never replaces what is there
        path.hardlink_to(temporary)
    except FileExistsError:
        return
    finally:
        Path(temporary).unlink()
    # the keys and links in the database are worth nothing without it, so it must survive a crash as they do
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _decoded(text: str, where: str) -> Secret:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SettingsError(f"The secret in {where} is not base64. {_FIX}") from error
    if len(key) < BYTES:
        raise SettingsError(f"The secret in {where} is shorter than {BYTES} bytes. {_FIX}")
    return Secret(key)
