"""Half of the connections are broken or slow, and the others notice nothing. `make soak` does it for a minute."""

from benchmarks.soak import BAD, soak
from tests.thoroughness import examples


def test_the_rest_are_answered_right() -> None:
    report = soak(seconds=examples(4, 2), connections=200)
    assert report.wrong == [], report
    assert report.answered > 100
    assert set(report.broken) == set(BAD)
    assert report.status == 0
    assert "Traceback" not in report.log
    if report.memory:
        assert report.memory[-1] - report.memory[len(report.memory) // 2] < 30 * 1024, report
