"""Finding the simulation result of a report without an id: by the times of the call, and by its transcript.

Source of the rules and their figures: the documentation of September 2026, page "Update Simulation Result".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fake_bluejay.core.clock import datetime_at
from fake_bluejay.core.errors import Conflict, NotFound
from fake_bluejay.core.scoring import is_scored, transcript

if TYPE_CHECKING:
    from fake_bluejay.bluejay.models.results import UpdateSimulationResultRequest
    from fake_bluejay.core.test_results import Record
    from fake_bluejay.core.world import World

TOLERANCE: Final = 90.0
"""The largest difference of times, in seconds."""
LEAST_DURATION_TOLERANCE: Final = 5.0
DURATION_TOLERANCE: Final = 0.1
"""The largest difference of durations, as a part of the duration; or the seconds above, if those are more."""
LEAST_SCORE: Final = 0.8
"""The least share of its transcript that the only candidate must have."""
LEAST_LEAD: Final = 0.08
"""The least lead of the best candidate's score over the next one's."""


def find_by_time(world: World, organisation: str, request: UpdateSimulationResultRequest) -> Record:
    """Find the connected call that was at the time of a report, and that its transcript fits.

    Args:
        world: The world of the calls.
        organisation: The name of the organisation of the calls.
        request: The report. A time without a zone is UTC.

    Raises:
        NotFound: No call was then.
        Conflict: There is more than one and no transcript that tells which, or one that the transcript does not fit.
    """
    assert request.start_time is not None
    assert request.end_time is not None
    assert request.duration is not None
    start, end, said = _aware(request.start_time), _aware(request.end_time), request.recorded_transcript
    world.settle()
    matching = [
        record
        for record in world.results.values()
        if record.organisation == organisation and _was_then(record, start, end, request.duration)
    ]
    if not matching:
        raise NotFound("No simulation result matches the time window")
    if said is None:
        if len(matching) > 1:
            raise Conflict("Several simulation results match the time window, and there is no transcript")
        return matching[0]
    if not all(map(is_scored, matching)):
        raise Conflict("A simulation result that matches the time window has no stored transcript yet")
    words = Counter(_words(entry.utterance for entry in said))
    scores = [(_share(words, record), record) for record in matching]
    scores.sort(key=lambda each: each[0], reverse=True)
    if len(scores) == 1 and scores[0][0] < LEAST_SCORE:
        raise Conflict("The transcript does not fit the only simulation result that matches the time window")
    if len(scores) > 1 and scores[0][0] - scores[1][0] < LEAST_LEAD:
        raise Conflict("The transcript does not tell the simulation results apart that match the time window")
    return scores[0][1]


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _was_then(record: Record, start: datetime, end: datetime, duration: float) -> bool:
    """Return whether a call was connected at that time. A call without a stored duration fits any."""
    if record.start_time is None or record.end_time is None:
        return False
    for stored, given in ((record.start_time, start), (record.end_time, end)):
        if abs((datetime_at(stored) - given).total_seconds()) > TOLERANCE:
            return False
    stored_duration = record.duration
    allowed = max(LEAST_DURATION_TOLERANCE, DURATION_TOLERANCE * duration)
    return stored_duration is None or abs(stored_duration / 1000 - duration) <= allowed


def _words(utterances: Iterable[str]) -> list[str]:
    return re.findall(r"\w+", " ".join(utterances).casefold())


def _share(words: Counter[str], record: Record) -> float:
    """Return the share of the words that occur in the call's stored transcript, each counted as often as it does."""
    stored = Counter(_words(str(entry["utterance"]) for entry in transcript(record)))
    return (words & stored).total() / max(1, words.total())
