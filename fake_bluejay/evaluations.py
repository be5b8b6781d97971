"""Scripts of the evaluations of call logs: `bluejay.evaluations.next(Evaluation(passes=False))`.

Without a script an evaluation starts and lasts as the fake is set, and finds that the goal was reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from fake_bluejay.core.world import DEFAULT_ORGANISATION

if TYPE_CHECKING:
    from fake_bluejay import Bluejay

__all__ = ["Evaluation", "Evaluations", "failed"]

_SCRIPT = "evaluation script"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A script of the evaluation of a call log.

    Attributes:
        waits: The seconds in which it is QUEUED; None: `evaluation_starts_after` of the fake.
        takes: The seconds in which it is EVALUATING; None: `evaluation_takes` of the fake.
        fails: True if it ends SYSTEM_ERROR (a reading, `status_words`), with nothing found.
        passes: True if it finds that the goal was reached.
        evaluation: Its findings, with the published fields; those that are left out are made up.
        custom_metrics: The custom metrics that it finds, as published; None: those that score the conversation.
        scores: The values of these, by their names: `{"politeness": 4}`; those left out are drawn from the seed.
    """

    waits: float | None = None
    takes: float | None = None
    fails: bool = False
    passes: bool = True
    evaluation: Mapping[str, Any] | None = None
    custom_metrics: Sequence[Mapping[str, Any]] | None = None
    scores: Mapping[str, Any] | None = None


def failed(takes: float | None = None) -> Evaluation:
    """Return the script of an evaluation that fails: SYSTEM_ERROR."""
    return Evaluation(fails=True, takes=takes)


class Evaluations:
    """The scripts of evaluations of call logs; each is used up by one evaluation, of a log that is submitted later."""

    def __init__(self, fake: Bluejay) -> None:
        self._fake = fake

    def next(
        self,
        *evaluations: Evaluation,
        scores: Mapping[str, Any] | None = None,
        organisation: str = DEFAULT_ORGANISATION,
    ) -> None:
        """Script the next evaluations of an organisation, one each, after those that were scripted before.

        Args:
            evaluations: The scripts.
            scores: The scores of one more, short for `Evaluation(scores=…)`. A score that fits no metric of the
                conversation is refused when the conversation is submitted, for only then are the metrics known.
            organisation: The name of the organisation of the conversations.

        Raises:
            ValueError: A script is not possible; those before it are kept.
        """
        evaluations = (*evaluations, *(() if scores is None else (Evaluation(scores=scores),)))
        for one in evaluations:
            if not isinstance(one, Evaluation):
                raise ValueError(f"an Evaluation is needed, e.g. failed() or Evaluation(passes=False), not {one!r:.80}")
        for one in evaluations:
            given = {each.name: getattr(one, each.name) for each in fields(one)}
            self._fake.add(_SCRIPT, organisation=organisation, **given)
