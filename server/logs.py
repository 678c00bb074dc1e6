"""Log lines: one a line on stderr, readable at a terminal and JSON elsewhere; never a body, a key or a query."""

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set up logging for this process. stdout stays free: over stdio it carries the protocol alone."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(stream=sys.stderr, level=number, format="%(levelname)s %(name)s %(message)s")
    # the MCP SDK and its client log every request, aiosqlite every value it binds: words searched for, addresses
    for name in ("mcp", "httpx2", "httpcore2", "aiosqlite"):
        logging.getLogger(name).setLevel(logging.ERROR)
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
