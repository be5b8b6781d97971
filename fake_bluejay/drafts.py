"""Scripts of the answers of generators: `bluejay.drafts.next(goals=["Book a table"])`.

Without a draft the answer is made up, and its texts say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fake_bluejay.core.world import DEFAULT_ORGANISATION

if TYPE_CHECKING:
    from fake_bluejay import Bluejay

__all__ = ["Drafts"]


class Drafts:
    """The drafts of generators; each is used up by the next request for its kind."""

    def __init__(self, fake: Bluejay) -> None:
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
        """Script the answer to the next request of each given kind, after those that were scripted before.

        Args:
            customer_personas: Of `generate-customer-personas`.
            digital_humans: Of `generate-digital-humans`, with the fields of requests to create them.
            formatted_transcript: Of `generate-formatted-transcript`: the utterances, each with `role` and `utterance`.
            goals: Of `generate-goals`.
            intent_summary: Of `generate-intent-summary`.
            metric_prompt: Of both `optimize/metric-prompt`.
            metrics: Of `generate-custom-metrics`.
            objectives: Of `generate-objectives`.
            prompt_summary: Of `generate-prompt-summary`.
            test_scenarios: Of `generate-test-scenarios`.
            trait_values: Of `generate-trait-values`: one for each scenario, for all its traits.
            translation: Of `translate-transcript`: an utterance for each of the transcript.
            workflow: Of `workflow/generate-from-prompt`: a graph.
            organisation: The name of the organisation that sends the request.

        Raises:
            ValueError: Nothing is given, or a value is not allowed; the values before it are kept.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "organisation")}
        given = {name: value for name, value in given.items() if value is not None}
        if not given:
            raise ValueError("no draft is given, e.g. goals=['Book a table']")
        for kind, value in given.items():
            self._fake.add("draft", organisation=organisation, kind=kind, value=value)
