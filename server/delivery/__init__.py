"""The delivery core: the only code that opens a connection to another mail server."""
