"""Whatever threads and tasks do at the same time: each thing happens at its own instant, in every run."""

import pytest

from tests.intercept.schedules import differences


@pytest.mark.parametrize("seed", range(60))
def test_a_random_schedule_goes_as_the_model_says(seed: int) -> None:
    assert differences(seed) == []
