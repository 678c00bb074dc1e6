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


AT = 1_614_265_330
KEY = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
GOOD = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
CHANGED: dict[str, dict[str, str]] = {
    "valid": {},
    "missing webhook-id": {"webhook-id": ""},
    "missing webhook-timestamp": {"webhook-timestamp": ""},
    'non-numeric timestamp "hello"': {"webhook-timestamp": "hello"},
    "missing webhook-signature": {"webhook-signature": ""},
    "signature with one character changed": {"webhook-signature": GOOD.replace("g0h", "g1h")},
    'signature "v1," empty': {"webhook-signature": "v1,"},
    "timestamp older than 5 minutes": {"webhook-timestamp": str(AT - 301)},
    "timestamp newer than 5 minutes": {"webhook-timestamp": str(AT + 301)},
    "three signatures, only the last v1 valid (v1,bad v2,bad v1,good v2,bad)": {
        "webhook-signature": f"v1,AAAA v2,AAAA {GOOD} v2,AAAA"
    },
    "signature of another version (v2) with right bytes": {"webhook-signature": GOOD.replace("v1,", "v2,")},
}
"""The cases of the published matrix, each by the headers in which it differs from the valid one."""
OF_A_SENDER = {"secret with and without whsec_ prefix", "empty secret"}
"""Cases about how a secret is read, which is made here and kept as bytes."""


@pytest.mark.skipif(not VECTORS.is_file(), reason="needs the published corpora (GATEPOST_CORPORA)")
def test_the_published_matrix(record_property: Callable[[str, object], None]) -> None:
    matrix = {case["case"]: case["accept"] for case in json.loads(VECTORS.read_text(encoding="utf-8"))["verify_matrix"]}
    assert matrix.keys() == CHANGED.keys() | OF_A_SENDER
    wrong = [name for name, changed in CHANGED.items() if accepted(changed) is not matrix[name]]
    record_property("score", ("webhooks-standard", len(CHANGED) - len(wrong), len(matrix), "verification"))
    assert wrong == []


def accepted(changed: dict[str, str]) -> bool:
    """Whether the published example is taken with other headers."""
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": str(AT), "webhook-signature": GOOD}
    try:
        claim = read_claim(headers | changed, AT * SECOND)
    except Refusal:
        return False
    computed = claim.begin(KEY)
    computed.update(b'{"test": 2432232314}')
    return claim.fits(computed)
