"""The Model Context Protocol: the agent's tools over HTTP and stdio, from the one table of operations."""
