"""A secret that is nearly right."""


def forged(secret: str) -> str:
    """`secret` with another letter, of base32 and of base64, eighth from its end.

    The last would not do: in base64 some of its bits say nothing.
    """
    return f"{secret[:-8]}{'a' if secret[-8] not in 'aA' else 'b'}{secret[-7:]}"
