"""What the log says of a mail that came in: who brought it for whom, and the messages it became.

`gatepost audit` follows each of them from there.
"""

from tools.receive import Arrival


def trail(arrival: Arrival, messages: tuple[str, ...] | None) -> dict[str, object]:
    """As values of a log line; `messages` are ids, None where the mail was there before."""
    return {
        **arrival.peer,
        "sender": arrival.sender,
        "recipients": arrival.recipients,
        "size": len(arrival.raw),
        "messages": messages,
    }
