"""What generators answer, as a test scripts it: `bluejay.drafts.next(goals=["Book a table"])`.

Without a draft the answer is made up, which its texts say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fake_bluejay.core.resources import AddsEntities
from fake_bluejay.core.world import DEFAULT_ORGANISATION

__all__ = ["Drafts"]


class Drafts:
    """The drafts of generators; each is used up by the next request for its kind."""

    def __init__(self, fake: AddsEntities) -> None:
        self._fake = fake

    def next(
        self,
        *,
        customer_personas: Sequence[Mapping[str, Any]] | None = None,
        digital_humans: Sequence[Mapping[str, Any]] | None = None,
        formatted_transcript: Sequence[Mapping[str, str]] | None = None,
        goals: Sequence[str] | None = None,
        intent_summary: str | None = None,
        metric_prompt: str | None = None,
        metrics: Sequence[Mapping[str, Any]] | None = None,
        objectives: str | None = None,
        prompt_summary: str | None = None,
        test_scenarios: Sequence[Mapping[str, Any]] | None = None,
        trait_values: Sequence[Any] | None = None,
        translation: Sequence[str] | None = None,
        workflow: Mapping[str, Any] | None = None,
        organisation: str = DEFAULT_ORGANISATION,
    ) -> None:
        """Say what the next request of each kind that is given is answered with, after what was said before.

        Args:
            customer_personas: Of `generate-customer-personas`.
            digital_humans: Of `generate-digital-humans`, as requests to create them have them.
            formatted_transcript: Of `generate-formatted-transcript`: who said what, `role` and `utterance`.
            goals: Of `generate-goals`.
            intent_summary: Of `generate-intent-summary`.
            metric_prompt: Of both `optimize/metric-prompt`.
            metrics: Of `generate-custom-metrics`.
            objectives: Of `generate-objectives`.
            prompt_summary: Of `generate-prompt-summary`.
            test_scenarios: Of `generate-test-scenarios`.
            trait_values: Of `generate-trait-values`: one for each scenario, for all its traits.
            translation: Of `translate-transcript`: the utterances, one for each of the transcript.
            workflow: Of `workflow/generate-from-prompt`: a graph.
            organisation: Who asks.

        Raises:
            ValueError: Nothing is given, or a value cannot be; what stands before it is kept.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "organisation")}
        given = {name: value for name, value in given.items() if value is not None}
        if not given:
            raise ValueError("no draft is given, e.g. goals=['Book a table']")
        for kind, value in given.items():
            self._fake.add("draft", organisation=organisation, kind=kind, value=value)
