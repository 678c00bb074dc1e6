"""Signatures of requests, by the vectors that others published."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from server.http.signature import read_claim
from tools.context import SECOND
from tools.errors import Refusal

CORPUS = Path(os.environ.get("GATEPOST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
VECTORS = CORPUS / "webhooks-standard" / "vectors.json"


def test_the_scheme_is_the_published_one() -> None:
    """The vector of the Standard Webhooks specification."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    claim = read_claim(headers, 1614265330 * SECOND)
    computed = claim.begin(key)
    computed.update(b'{"test": 2432232314}')
    assert claim.fits(computed)
    with pytest.raises(Refusal):
        read_claim(headers, (1614265330 + 301) * SECOND)


@pytest.mark.skipif(not VECTORS.is_file(), reason="needs the published corpora (GATEPOST_CORPORA)")
def test_published_vectors(record_property: Callable[[str, object], None]) -> None:
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["sign"]
    record_property("score", ("webhooks-standard", len(vectors), len(vectors), "signatures"))
    for vector in vectors:
        headers = {
            "webhook-id": vector["id"],
            "webhook-timestamp": str(vector["timestamp"]),
            "webhook-signature": vector["signature"],
        }
        claim = read_claim(headers, vector["timestamp"] * SECOND)
        computed = claim.begin(base64.b64decode(vector["secret"].removeprefix("whsec_")))
        computed.update(vector["payload"].encode())
        assert claim.fits(computed), vector["name"]
