"""Log lines: one a line on stderr, readable at a terminal and JSON elsewhere; never a body, a key or a query."""

import contextlib
import json
import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from pydantic_core import PydanticSerializationError, to_json

Values = MutableMapping[str, Any]


def configure(level: str) -> None:
    """Set up logging for this process. stdout stays free: over stdio it carries the protocol alone."""
    number = logging.getLevelNamesMapping()[level.upper()]
    terminal = sys.stderr.isatty()
    moment = structlog.processors.TimeStamper(fmt="iso", utc=True)
    readable = structlog.dev.ConsoleRenderer()
    _configure_libraries(number, moment, readable if terminal else lambda *line: _json(*line).decode())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            moment,
            structlog.processors.format_exc_info,
            readable if terminal else _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Lines(sys.stderr.fileno()),
        # with every mail there is a line: so it costs half
        cache_logger_on_first_use=True,
    )


class _Lines:
    """Writes lines to a file descriptor. A log that is full, or that nobody reads any more, loses them, and must not
    fail what they tell of: a mail that was stored has to be answered 250."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, text: bytes | str) -> None:
        # not through sys.stderr: what it could not write it keeps, and fails with at the process's end
        with contextlib.suppress(OSError):
            os.write(self._descriptor, text if isinstance(text, bytes) else text.encode(errors="replace"))

    def msg(self, line: bytes | str) -> None:
        self.write(line + b"\n" if isinstance(line, bytes) else f"{line}\n")

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


def _configure_libraries(number: int, moment: structlog.typing.Processor, render: structlog.typing.Processor) -> None:
    """What libraries log has the same form: a collector reads each line by itself."""
    handler = logging.StreamHandler(_Lines(sys.stderr.fileno()))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, moment],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                render,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number)
    # the MCP SDK and its client log every request, aiosqlite every value it binds: words searched for, addresses
    for name in ("mcp", "httpx2", "httpcore2", "aiosqlite"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # it counts its own steps of starting and stopping
    logging.getLogger("uvicorn").setLevel(max(number, logging.WARNING))


def _json(_logger: object, _method: str, values: Values) -> bytes:
    try:
        return to_json(values, fallback=repr)
    except PydanticSerializationError:
        # half a character, as a file's name may have: a line in the log must not fail what it tells of
        return json.dumps(values, default=repr).encode()
