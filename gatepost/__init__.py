"""The launcher: puts Gatepost's own folders first on the import path, then runs the command line."""

import sys
from pathlib import Path

_package = Path(__file__).resolve().parent
_installed = _package / "app"
# A wheel carries the folders in gatepost/app; in a checkout they lie beside this package.
home = _installed if _installed.is_dir() else _package.parent


def main() -> None:
    """Run `gatepost`, whatever folders named `tools` or `server` the caller's own path holds."""
    sys.path.insert(0, str(home))
    from server.cli import main as command_line

    command_line()
