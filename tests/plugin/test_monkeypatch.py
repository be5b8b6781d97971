"""A change that was made while a fake was on can be undone after it: nothing of the fake's comes back."""

import pytest


def test_nothing_of_the_fake_comes_back(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        mycode="""
            from time import sleep
        """,
        test_it="""
            import http.client, os, time
            import mycode
            import pytest

            BEFORE = time.sleep, time.monotonic, http.client.HTTPConnection.connect, mycode.sleep

            @pytest.fixture(autouse=True)
            def environment(monkeypatch):
                monkeypatch.setenv("BLUEJAY_API_URL", "https://elsewhere")

            def test_changes(monkeypatch, bluejay_server):
                assert os.environ["BLUEJAY_API_URL"] == bluejay_server.base_url
                monkeypatch.setenv("BLUEJAY_API_KEY", "another")
                monkeypatch.setattr(time, "sleep", print)
                monkeypatch.setattr("mycode.sleep", print)
                monkeypatch.setattr(http.client.HTTPConnection, "connect", print)

            def test_all_is_as_it_was():
                assert "BLUEJAY_API_KEY" not in os.environ
                assert os.environ["BLUEJAY_API_URL"] == "https://elsewhere"
                now = time.sleep, time.monotonic, http.client.HTTPConnection.connect, mycode.sleep
                assert [one is other for one, other in zip(now, BEFORE, strict=True)] == [True] * 4
        """,
    )
    pytester.syspathinsert()
    pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio").assert_outcomes(passed=2)


def test_nor_by_another_patcher(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import contextlib, os, time
        from unittest import mock
        import pytest

        BEFORE = time.sleep, os.environ.get("BLUEJAY_API_KEY")

        @pytest.fixture
        def mocker():  # as pytest-mock's: it undoes as late as monkeypatch
            with contextlib.ExitStack() as undone:
                yield lambda patch: undone.enter_context(patch)

        def test_changes(mocker, bluejay):
            mocker(mock.patch("time.sleep"))
            mocker(mock.patch.dict(os.environ, OTHER="1"))

        def test_all_is_as_it_was():
            assert (time.sleep, os.environ.get("BLUEJAY_API_KEY")) == BEFORE
    """)
    pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio").assert_outcomes(passed=2)
