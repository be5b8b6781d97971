"""Simulation results, which the end-conversations call knows as test results."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fake_bluejay.api.models.wire import Wire

__all__ = ["SimulationResult", "SingleSimulationResultResponse"]


class SimulationResult(Wire):
    """One conversation. `duration` is in milliseconds. The order of the fields is that of the published schema."""

    id: int
    digital_human_id: int
    result: dict[str, Any] | None = None
    duration: int | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    custom_metrics: dict[str, Any] | list[Any] | None = None
    status: str | None = None
    latency: dict[str, Any] | list[Any] | None = None
    events: list[Any] | None = None
    transcript_url: str | None = None
    audio_url: str | None = None
    evaluations: list[Any] | None = None
    tool_calls: list[Any] | None = None


class SingleSimulationResultResponse(Wire):
    """One conversation, asked for by its id."""

    simulation_result: SimulationResult
    status: str = "200"
