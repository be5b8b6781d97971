"""The enums of the readings: what the documentation of Bluejay leaves open, and the choices for each question."""

from __future__ import annotations

from fake_bluejay.core.readings import (
    AgentEnds,
    AllFailedStatus,
    AlreadyMarked,
    BadKeyAndBadBody,
    DuplicateIds,
    ForeignId,
    MissingKey,
    MissingKeyName,
    NoFailedIds,
    Question,
    Readings,
    Success,
    TestResultIds,
    UnknownKey,
    WatchdogSets,
    questions,
)

__all__ = [
    "AgentEnds",
    "AllFailedStatus",
    "AlreadyMarked",
    "BadKeyAndBadBody",
    "DuplicateIds",
    "ForeignId",
    "MissingKey",
    "MissingKeyName",
    "NoFailedIds",
    "Question",
    "Readings",
    "Success",
    "TestResultIds",
    "UnknownKey",
    "WatchdogSets",
    "questions",
]
