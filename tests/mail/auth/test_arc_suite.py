"""ARC validation against the published suite."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.mail.auth.arc import validate
from tools.mail.auth.keys import Keys
from tools.mail.auth.signed import SignedMail
from tools.mail.auth.zone import Zone

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[4] / "shared" / "corpora")) / "arc-suite"
RESULTS = {"None": "none", "Pass": "pass", "Fail": "fail", "": "fail"}
"""What the suite calls them; nothing where the chain was sealed as failed: `fail`, by RFC 8617 section 5.2."""


def cases() -> Iterator[Any]:
    """Each test with the keys of its scenario."""
    if not CORPUS.is_dir():
        return
    for scenario in yaml.safe_load_all((CORPUS / "arc-draft-validation-tests.yml").read_text()):
        zone = Zone(scenario["txt-records"])
        for name, test in scenario["tests"].items():
            yield pytest.param(zone, test, id=name)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the published corpora (GATEPOST_CORPORA)")
@pytest.mark.parametrize(("zone", "test"), list(cases()))
async def test_the_published_suite(zone: Zone, test: dict[str, Any]) -> None:
    found = await validate(SignedMail(test["message"].encode()), zone, Keys())
    assert found.result == RESULTS[test["cv"]], found.reason
