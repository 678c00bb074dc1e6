"""Runs one target under libFuzzer: `python tests/fuzz/fuzz.py mime -max_total_time=3600 [folder of seeds]`.

Needs the extra `gatepost[fuzz]`. What breaks a target is written to `crash-…` in the working directory.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

atheris: Any = importlib.import_module("atheris")  # its types name nothing that it exports

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
with atheris.instrument_imports(include=["tools", "server", "email"]):
    from tests.fuzz.targets import TARGETS

MAX_BYTES = 65_536


def main() -> None:
    name, *options = sys.argv[1:] or [""]
    if name not in TARGETS:
        raise SystemExit(f"Name a target: {', '.join(TARGETS)}.")
    atheris.Setup([sys.argv[0], f"-max_len={MAX_BYTES}", "-timeout=5", *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
