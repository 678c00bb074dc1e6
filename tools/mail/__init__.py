"""Pure mail craft: bytes and values in, bytes and values out."""
