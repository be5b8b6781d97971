"""A test that has `monkeypatch` from before its fake undoes its changes after it: nothing of the fake's comes back."""

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
