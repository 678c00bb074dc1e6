"""Log lines: one a line on stderr, readable at a terminal and JSON elsewhere; never a body, a key or a query."""

import json
import logging
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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
        if terminal
        else structlog.BytesLoggerFactory(sys.stderr.buffer),
        # with every mail there is a line: so it costs half
        cache_logger_on_first_use=True,
    )


def _configure_libraries(number: int, moment: structlog.typing.Processor, render: structlog.typing.Processor) -> None:
    """What libraries log has the same form: a collector reads each line by itself."""
    handler = logging.StreamHandler(sys.stderr)
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
