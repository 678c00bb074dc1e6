"""SPF against the published suite of RFC 7208, each scenario in a zone of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.mail.auth.spf import Sender, check_spf
from tools.mail.auth.zone import Zone

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[4] / "shared" / "corpora")) / "spf-rfc7208"
NOT_OF_THE_RFC = ("default-modifier", "default-modifier-harsh")
"""Two of pyspf's own that ask for its lax and harsh modes."""


def cases(file: str) -> Iterator[Any]:
    """Each test of a file, with the zone of its scenario."""
    if not CORPUS.is_dir():
        return
    for scenario in yaml.safe_load_all((CORPUS / file).read_text()):
        zone = Zone(scenario["zonedata"])
        for name, test in scenario["tests"].items():
            if name in NOT_OF_THE_RFC:
                continue
            yield pytest.param(zone, test, id=f"{scenario.get('description', file)}: {name}")


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the published corpora (GATEPOST_CORPORA)")
@pytest.mark.parametrize(("zone", "test"), [*cases("rfc7208-tests.yml"), *cases("pyspf-extra.yml")])
async def test_the_published_suite(zone: Zone, test: dict[str, Any]) -> None:
    found = await check_spf(Sender(test["host"], test["helo"], test["mailfrom"]), zone)
    wanted = test["result"] if isinstance(test["result"], list) else [test["result"]]
    assert found.result in wanted, found.reason
    if test.get("explanation", "DEFAULT") != "DEFAULT" and found.result == "fail":
        assert found.explanation == test["explanation"]
