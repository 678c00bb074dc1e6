"""Rows and transactions on SQLite and PostgreSQL; knows no MIME and no policy."""
