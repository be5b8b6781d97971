"""The enums of the readings: what the documentation of Bluejay leaves open, and the choices for each question."""

from __future__ import annotations

from fake_bluejay.core.readings import (
    AgentEnds,
    AllFailedStatus,
    AlreadyMarked,
    BadKeyAndBadBody,
    Contract,
    DeletedAgent,
    DuplicateIds,
    ForeignId,
    MissingKey,
    MissingKeyName,
    NoFailedIds,
    Question,
    Readings,
    SameExternalId,
    Success,
    TestResultIds,
    UnknownKey,
    UpdateChanges,
    WatchdogSets,
    questions,
)

__all__ = [
    "AgentEnds",
    "AllFailedStatus",
    "AlreadyMarked",
    "BadKeyAndBadBody",
    "Contract",
    "DeletedAgent",
    "DuplicateIds",
    "ForeignId",
    "MissingKey",
    "MissingKeyName",
    "NoFailedIds",
    "Question",
    "Readings",
    "SameExternalId",
    "Success",
    "TestResultIds",
    "UnknownKey",
    "UpdateChanges",
    "WatchdogSets",
    "questions",
]
