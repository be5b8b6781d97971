"""The form in which every figure is printed."""

from __future__ import annotations

from statistics import median


def ratio(what: str, ours: list[float], theirs: list[float], goal: str) -> None:
    """Print the median of the ratios pair by pair, so that a machine whose speed drifts does not decide."""
    ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    print(f"  {what}: {median(ratios):.2f} × ({ratios[0]:.2f} to {ratios[-1]:.2f}; goal {goal})")
