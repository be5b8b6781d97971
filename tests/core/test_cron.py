"""Cron expressions, beside a library that has long been in use."""

from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fake_bluejay.core.cron import Cron
from tests.thoroughness import examples

NAMES = {3: ["jan", "FEB", "dec"], 4: ["sun", "Mon", "sat"]}
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@st.composite
def fields(draw: st.DrawFn, position: int) -> str:
    low, high = BOUNDS[position]
    numbers = st.integers(low, high)
    # Of one number, with a step, the library takes `5-5/2` for `5/2`.
    spans = st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}")
    steps = st.integers(1, high)
    part = st.one_of(
        numbers.map(str),
        spans,
        st.just("*"),
        *([st.sampled_from(NAMES[position])] if position in NAMES else []),
        st.tuples(st.one_of(st.just("*"), spans, numbers), steps).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    )
    return draw(st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join)))


expressions = st.tuples(*(fields(position) for position in range(5))).map(" ".join)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1))


@settings(max_examples=examples(300, 100), derandomize=True, deadline=None, database=None)
@given(expressions, moments)
@example("0 9 29 2 *", datetime(2097, 1, 1))
@example("0 0 13 * 5", datetime(2026, 1, 1))
@example("0 0 */7 * 5", datetime(2026, 1, 1))
@example("30 2 31 2,4 *", datetime(2026, 1, 1))
@example("0 0 * * 7", datetime(2026, 1, 1))
@example("0 0 * * 5-7", datetime(2026, 1, 3))
@example("5/20 * * * *", datetime(2026, 1, 1, 0, 30))
def test_next_time_is_that_of_a_library(expression: str, moment: datetime) -> None:
    try:
        expected = next(CronSim(expression, moment), None)
    except CronSimError:  # it finds some of the days that never come already when it reads
        expected = None
    if expected is None:
        with pytest.raises(ValueError, match="no month has a day"):
            Cron.read(expression)
    else:
        assert Cron.read(expression).after(moment) == expected


def test_times_keep_the_time_zone_and_end_with_the_calendar() -> None:
    cron = Cron.read("0 0 1 1 *")
    assert cron.after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
    assert cron.after(datetime(2026, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)) == datetime(2026, 1, 1, tzinfo=UTC)
    assert cron.after(datetime(9999, 6, 1)) is None


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "five fields, not 0"),
        ("* * * *", "five fields, not 4"),
        ("60 * * * *", "minute: a number from 0 to 59 is needed, not '60'"),
        ("* 24 * * *", "hour: a number from 0 to 23"),
        ("* * 0 * *", "day of the month: a number from 1 to 31"),
        ("* * * smarch *", "month: a number from 1 to 12 is needed, not 'smarch'"),
        ("* * * * 8", "day of the week: a number from 0 to 7"),
        ("*/0 * * * *", "minute: a step above 0 is needed, not '0'"),
        ("*/x * * * *", "minute: a step above 0"),
        ("9-5 * * * *", "minute: 9-5 goes backwards"),
        ("1, * * * *", "minute: a number"),
        ("٣ * * * *", "minute: a number"),
        ("0 0 30 2 *", "no month has a day for '30' '2'"),
    ],
)
def test_bad_expression_is_refused_with_the_reason(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("*", r"\*")):
        Cron.read(expression)
