"""Ids sort by the moment they were made, and hold every random bit."""

import random
from dataclasses import replace
from functools import partial

from tools.context import Context

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


async def test_an_id_is_its_milliseconds_and_eighty_random_bits(context: Context) -> None:
    draw = random.Random(1)
    for noise in (bytes(10), b"\xff" * 10, *(draw.randbytes(10) for _ in range(50))):
        micros = draw.randrange(2**48) * 1000 + draw.randrange(1000)
        made = replace(context, clock=partial(int, micros), random=partial(_first, noise)).new_id("msg")
        prefix, _, rest = made.partition("_")
        number = 0
        for letter in rest:
            number = number << 5 | ALPHABET.index(letter)
        assert (prefix, len(rest)) == ("msg", 26)
        assert number == (micros // 1000 << 80) | int.from_bytes(noise, "big")


def _first(noise: bytes, size: int) -> bytes:
    return noise[:size]
