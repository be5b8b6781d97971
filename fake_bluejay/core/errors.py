"""The errors that a rule of the model raises against a request.

A rule knows nothing of HTTP. `http` alone gives each error a status; in a test's own process they are `ValueError`s.
"""

from __future__ import annotations


class DomainError(Exception):
    """A request that a rule forbids; nothing has changed.

    Attributes:
        detail: The error, in the words of the answer.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(DomainError):
    """A request names an entity that does not exist for the caller."""


class Foreign(NotFound):
    """A request names an entity of another organisation. A reading, chosen by the kind of entity, decides the answer.

    Attributes:
        kind: The kind of entity, e.g. `agent` or `digital human`.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Conflict(DomainError):
    """A request that contradicts the present state, such as a number that is in use."""


class Refused(DomainError):
    """A request that is valid and cannot be carried out as things are."""
