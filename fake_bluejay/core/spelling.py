"""How a status is spelt on the wire: July's OpenAPI and August's documentation have different words for some."""

from __future__ import annotations

from fake_bluejay.core.readings import Readings, StatusWords
from fake_bluejay.core.statuses import Status

__all__ = ["spelt"]

_OTHER_WORDS: dict[StatusWords, dict[Status, Status]] = {
    StatusWords.AS_THEY_ARE: {},
    StatusWords.JULY: {
        Status.EVALUATION_PENDING: Status.CONVERSATION_ENDED,
        Status.OUT_OF_FUNDS: Status.INSUFFICIENT_FUNDS,
        Status.NO_CONNECTION: Status.INCOMPLETED,
        Status.NO_ANSWER: Status.INCOMPLETED,
        Status.CALL_DROPPED: Status.INCOMPLETED,
        Status.CANCELLED: Status.INCOMPLETED,
        Status.SYSTEM_ERROR: Status.INCOMPLETED,
    },
    StatusWords.AUGUST: {
        Status.INCOMPLETED: Status.NO_CONNECTION,
        Status.REJECTED: Status.NO_CONNECTION,
        Status.INSUFFICIENT_FUNDS: Status.OUT_OF_FUNDS,
    },
}
"""For each choice, the statuses that it has another word for."""


def spelt(status: Status, readings: Readings) -> str:
    """The word for a status, as the readings have it."""
    return str(_OTHER_WORDS[readings.status_words].get(status, status))
