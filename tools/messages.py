"""Storing a message: its head, and its texts apart."""

from storage.database import Transaction, columns
from storage.records import Message


async def store(transaction: Transaction, message: Message) -> None:
    """Write a message that is in no table yet; its thread is there."""
    row = columns(message)
    await transaction.run("insert_message", **row)
    await transaction.run("insert_text", **row)
