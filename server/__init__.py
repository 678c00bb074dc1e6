"""The edges: command line, HTTP, MCP, SMTP in, delivery out. The only place that knows a protocol."""
