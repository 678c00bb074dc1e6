"""Bounds on what HTTP takes in."""

MAX_BODY = 40 * 1024 * 1024
"""Bytes of one request: the largest attachments in base64, with room to say that they are too large."""
