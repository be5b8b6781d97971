"""The console, as a person meets it: in a real browser, against a real server."""

import contextlib
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import silent
from fake_bluejay.calls import Call
from fake_bluejay.core.statuses import TRANSITIONS, Status

sys.path.insert(0, str(Path(__file__).parent))
from chromium import chromium

KEY = "a-key-that-nobody-may-see"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def fake() -> Iterator[FakeBluejay]:
    fake = FakeBluejay(api_keys=[KEY])
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def only_tab(browser: Any) -> Iterator[Any]:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


@pytest.fixture
def tab(only_tab: Any) -> Iterator[Any]:
    """An empty tab, which is the same for all tests, for that takes half the time.

    A later test's fake may have the server of an earlier one, and with it the origin.
    """
    only_tab.set_viewport_size({"width": 1360, "height": 900})
    only_tab.emulate_media(color_scheme="light")
    only_tab.set_default_timeout(20_000)
    yield only_tab
    if only_tab.url.startswith("http"):
        only_tab.evaluate("localStorage.clear()")
    only_tab.goto("about:blank")  # else the console would miss its server, and complain in the next test


@pytest.fixture
def page(tab: Any, fake: FakeBluejay) -> Iterator[Any]:
    """The console, open. Whatever the browser complains of, a violated policy too, fails the test."""
    problems: list[str] = []

    def failed(error: Any) -> None:
        problems.append(str(error))

    def said(message: Any) -> None:
        if message.type == "error":
            problems.append(message.text)

    tab.on("pageerror", failed)
    tab.on("console", said)
    tab.goto(f"{fake.url}/_fake/")
    tab.locator("#live", has_text="live").wait_for()
    yield tab
    tab.remove_listener("pageerror", failed)
    tab.remove_listener("console", said)
    assert [one for one in problems if "status of 4" not in one] == []


def end(fake: FakeBluejay, *ids: int) -> httpx.Response:
    return httpx.post(f"{fake.base_url}/end-conversations", json={"test_result_ids": ids}, headers={"X-API-Key": KEY})


def row(page: Any, id: int) -> Any:
    return page.locator(f"#results-rows tr[data-key='{id}']")


def shows(locator: Any, text: str) -> None:
    locator.filter(has_text=text).wait_for()


def test_add_a_result_end_it_watch_the_countdown_advance_and_see_it_ended(fake: FakeBluejay, page: Any) -> None:
    shows(page.locator("#results-empty"), "There are no test results yet.")
    page.get_by_role("button", name="Add…").click()
    page.get_by_role("dialog").get_by_label("Agent").select_option("silent")
    page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    shows(row(page, 1), "RUNNING")
    assert str(fake.test_result(1).agent) == "silent"

    row(page, 1).get_by_role("button", name="End", exact=True).click()
    shows(row(page, 1), "watchdog in 30.0 s")
    fake.assert_requested("POST", "/v1/end-conversations", times=1)
    page.get_by_role("button", name="+10 s").click()
    shows(row(page, 1), "watchdog in 20.0 s")
    row(page, 1).click()
    shows(page.locator("#tab-result .timeline"), "watchdog in 20.0 s")
    page.get_by_role("button", name=re.compile("To next timer · 20.0 s")).click()
    shows(row(page, 1), "SYSTEM_ERROR")
    shows(row(page, 1), "ended by the watchdog after 30.0 s")
    shows(page.locator("#tab-result .timeline"), "control expired by the watchdog")
    shows(page.locator("#tab-result"), "Error code: END_SIGNAL_TIMEOUT")
    shows(page.locator("#tab-result"), "By itself, nothing: this status is final.")
    assert fake.test_result(1).history[0].cause == "watchdog"


def test_changes_by_others_show_without_reload(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_result()
    shows(row(page, 1), "RUNNING")
    end(fake, 1, 999)
    shows(row(page, 1), "watchdog in 30.0 s")
    shows(page.locator("#requests-rows tr"), "/v1/end-conversations")
    fake.clock.advance(2)
    shows(row(page, 1), "ended by the agent after 2.0 s")
    shows(page.locator("#chips"), "CONVERSATION_ENDED1")
    fake.reset()
    shows(page.locator("#results-empty"), "There are no test results yet.")


def test_the_countdown_runs_with_the_servers_clock(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_result(agent=silent())
    end(fake, 1)
    page.get_by_label("Speed").select_option("1")
    shows(page.locator("#pace"), "real × 1")
    countdown = row(page, 1).locator(".countdown")
    countdown.wait_for()
    shown = [countdown.text_content()]
    while len(shown) < 4:
        page.wait_for_function(
            "text => document.querySelector('#results-rows .countdown')?.textContent !== text", arg=shown[-1]
        )
        shown.append(countdown.text_content())
    values = [float(text.removesuffix(" s")) for text in shown]
    assert values == sorted(values, reverse=True)
    page.keyboard.press("p")
    shows(page.locator("#pace"), "paused")
    at = page.locator("#now").text_content()
    left = (fake.world.timers.next_due() - fake.world.now()) / 1e6
    assert countdown.text_content() == f"{left:.1f} s"
    page.keyboard.press("p")
    shows(page.locator("#pace"), "real × 1")
    page.get_by_label("Speed").select_option("60")
    page.wait_for_function("at => document.querySelector('#now').textContent !== at", arg=at)
    shows(row(page, 1), "ended by the watchdog")  # on time, although nobody asked
    page.get_by_label("Speed").select_option("manual")
    shows(page.locator("#pace"), "manual")


def test_a_fault_armed_here_hits_the_next_request(fake: FakeBluejay, page: Any) -> None:
    page.keyboard.press("f")
    page.locator("#fault-form [name=status]").fill("418")
    page.get_by_label("JSON").first.fill('{"detail": "a teapot"}')
    page.get_by_role("button", name="Arm").click()
    shows(page.locator("#fault-list"), "answer with a status")
    shows(page.locator("#faults-badge"), "1")
    answer = end(fake, 1)
    assert (answer.status_code, answer.json()) == (418, {"detail": "a teapot"})
    shows(page.locator("#fault-empty"), "None is armed")
    shows(page.locator("#requests-rows tr"), "418")
    assert end(fake, 1).status_code == 200

    page.get_by_label("The next requests").select_option("refuse_control_write")
    page.locator("#fault-form [name=ids]").fill("1, 2")
    page.get_by_label("Times").fill("")
    page.get_by_role("button", name="Arm").click()
    shows(page.locator("#fault-list"), "always")
    assert [(one.kind, one.arguments, one.times) for one in fake.faults] == [
        ("refuse_control_write", {"ids": [1, 2]}, None)
    ]
    page.get_by_role("button", name="Disarm all").click()
    shows(page.locator("#fault-empty"), "None is armed")


def test_refusals_of_the_server_are_shown(fake: FakeBluejay, page: Any) -> None:
    page.keyboard.press("f")
    page.get_by_label("JSON").first.fill("{")
    page.get_by_role("button", name="Arm").click()
    shows(page.get_by_role("alert"), "What stands under Json is not JSON")
    page.get_by_label("JSON").first.fill("")
    page.get_by_label("Path").first.fill("no-slash")
    page.get_by_role("button", name="Arm").click()
    shows(page.get_by_role("alert"), "a path starts with a slash")
    fake.add_test_result()
    page.get_by_role("button", name="Add…").click()
    page.get_by_label("Id", exact=True).fill("1")
    page.get_by_role("dialog").get_by_role("button", name="Add", exact=True).click()
    shows(page.get_by_role("dialog"), "the test result id 1 is taken")
    page.keyboard.press("Escape")
    assert len(fake.test_results) == 1


def test_a_reading_changed_in_the_console_affects_clients(fake: FakeBluejay, page: Any) -> None:
    page.keyboard.press("r")
    page.locator("#reading-success").select_option("always")
    shows(page.locator(".reading.changed"), "success")
    assert end(fake, 9).json()["success"] is True
    fake.readings.set(success="if-none-failed")
    page.wait_for_function("() => document.querySelector('#reading-success').value === 'if-none-failed'")
    refusal = {"status": 400, "json": {"detail": "not now"}}
    page.route(
        "**/readings", lambda route: route.fallback() if route.request.method == "GET" else route.fulfill(**refusal)
    )
    page.locator("#reading-success").select_option("always")
    shows(page.get_by_role("alert"), "not now")
    page.unroute_all()
    page.wait_for_function("() => document.querySelector('#reading-success').value === 'if-none-failed'")


def test_requests_with_the_line_that_repeats_them(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_result()
    end(fake, 1)
    httpx.get(f"{fake.base_url}/nothing?here=1", headers={"Authorization": f"Bearer {KEY}"})
    page.locator("#requests-rows tr", has_text="end-conversations").click()
    shows(page.locator("#tab-request"), "Marked 1 conversation(s) for ending")
    page.get_by_role("button", name="Copy").click()
    shows(page.get_by_role("alert"), "Copied.")
    line = page.evaluate("navigator.clipboard.readText()")
    assert '-H "X-API-Key: $BLUEJAY_API_KEY"' in line
    assert line == page.locator("#curl").text_content()
    assert KEY not in page.content()
    page.locator("#requests-search").fill("here=1")
    page.wait_for_function("() => document.querySelectorAll('#requests-rows tr').length === 1")
    shows(page.locator("#requests-rows tr"), "404")
    page.locator("#requests-rows tr").click()
    shows(page.locator("#tab-request"), "Request 2")
    page.locator("#requests-search").fill("")
    clear = page.locator("#requests-clear")
    clear.click()
    clear.click()
    shows(page.locator("#requests-empty"), "No requests yet.")
    assert len(fake.requests) == 0
    shows(page.locator("#tab-request"), "no longer in the journal")


@pytest.mark.filterwarnings("ignore:a stub for /v1/<b>")
def test_markup_in_foreign_data_is_shown_as_text(fake: FakeBluejay, page: Any) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    fake.add_test_result(result={"found": evil})
    httpx.post(f"{fake.url}/v1/{evil}", content=evil, headers={"X-Evil": "<b>1</b>", "X-API-Key": KEY})
    fake.stub("GET", "/v1/<b>", json=evil)
    row(page, 1).click()
    page.locator("#tab-result details summary").click()
    shows(page.locator("#tab-result pre"), "onerror")
    page.locator("#requests-rows tr").first.click()
    shows(page.locator("#tab-request"), "<img src=x")
    page.keyboard.press("w")
    shows(page.locator("#stub-list"), "<b>")
    assert page.title() == "fake Bluejay"
    assert page.locator("main img, main script").count() == 0


def test_the_policy_lets_nothing_from_outside_in(fake: FakeBluejay) -> None:
    answer = httpx.get(f"{fake.url}/_fake/")
    policy = dict(one.strip().split(" ", 1) for one in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)
    for text in [answer.text, *(file.read_text() for file in (CONSOLE).iterdir())]:
        outside = re.findall(r"https?://[^\s\"')]+", text)
        assert set(outside) <= {"http://www.w3.org/2000/svg"}
    assert "style=" not in answer.text
    assert not re.search(r"\son\w+=", answer.text)
    assert httpx.get(f"{fake.url}/_fake/console/..%2Fapp.py").status_code == 404
    assert httpx.get(f"{fake.url}/_fake/console/none.js").status_code == 404
    assert httpx.get(f"{fake.url}/_fake").headers["location"].endswith("/_fake/")


CONSOLE = Path(__file__).parents[2] / "fake_bluejay" / "control" / "console"


def test_the_diagram_is_the_table(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_result()
    row(page, 1).click()
    page.locator(".diagram .here", has_text="RUNNING").wait_for()
    nodes = page.eval_on_selector_all(".diagram .node", "nodes => nodes.map((node) => node.dataset.status)")
    moved = {status for (from_, _), to in TRANSITIONS.items() for status in (from_, to)}
    assert sorted(nodes) == sorted(moved)  # the others are words that no call gets by itself
    assert page.locator(".diagram path.edge").count() == len(TRANSITIONS)
    lit = {str(event).replace("_", " ") for from_, event in TRANSITIONS if from_ is Status.RUNNING}
    assert set(page.locator(".diagram .event").all_text_contents()) == lit
    reached = {str(to) for (from_, _), to in TRANSITIONS.items() if from_ is Status.RUNNING}
    assert set(page.locator(".diagram .node.next").all_text_contents()) == reached
    # Nodes do not lie over each other.
    boxes = page.eval_on_selector_all(
        ".diagram rect",
        "all => all.map((one) => { const b = one.getBoundingClientRect(); return [b.x, b.y, b.right, b.bottom] })",
    )
    for index, (x, y, right, bottom) in enumerate(boxes):
        for other_x, other_y, other_right, other_bottom in boxes[:index]:
            assert right <= other_x or other_right <= x or bottom <= other_y or other_bottom <= y
    page.get_by_role("button", name="drop", exact=True).click()
    page.locator(".diagram .here", has_text="CALL_DROPPED").wait_for()
    assert page.locator(".diagram .event").count() == 0


def test_everything_by_keyboard(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_results(3, agent=silent())
    shows(row(page, 3), "RUNNING")
    page.keyboard.press("?")
    keys = page.locator("#keys kbd").all_text_contents()
    assert len(keys) == len(set(keys)) > 15
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("#2")
    page.wait_for_function("() => document.querySelectorAll('#results-rows tr').length === 1")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.key") == "2"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    shows(page.locator("#tab-result"), "Test result 2")
    page.keyboard.press("m")
    shows(row(page, 2), "watchdog in 30.0 s")
    page.keyboard.press("1")
    shows(row(page, 2), "watchdog in 29.0 s")
    page.keyboard.press("e")
    shows(row(page, 2), "CONVERSATION_ENDED")
    page.keyboard.press("n")
    shows(row(page, 2), "EVALUATING")
    assert fake.test_result(2).history[0].cause == "agent"
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    row(page, 3).wait_for()
    reached = []
    for _ in range(60):  # every control, in the order of the page
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(document.activeElement.closest('section, header, nav') ?? document.body).id"))
    assert [one for one in dict.fromkeys(reached) if one in ("results", "requests", "side")] in (
        ["results", "requests", "side"],
        ["requests", "side", "results"],
        ["side", "results", "requests"],
    )
    row(page, 1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    shows(page.locator("#tab-result"), "Test result 3")
    page.keyboard.press("d")
    shows(row(page, 3), "CALL_DROPPED")
    assert page.evaluate("document.activeElement.closest('tr')?.dataset.key") == "3"


def test_the_rest_by_hand(fake: FakeBluejay, page: Any, tmp_path: Path) -> None:
    page.keyboard.press("w")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save to a file").click()
    saved = tmp_path / "world.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text()) == fake.dump()
    fake.add_test_result(status="QUEUED")
    row(page, 1).click()
    page.get_by_role("button", name="dispatch").click()
    shows(row(page, 1), "DISPATCHED")
    page.locator("#result-agent").select_option("drops-after=5")
    shows(row(page, 1), "drops-after=5")
    page.locator("#tab-result").get_by_label("Status").select_option("REJECTED")
    page.get_by_role("button", name="Force").click()
    shows(row(page, 1), "REJECTED")
    page.keyboard.press("w")
    page.locator("#tab-world").get_by_label("Name", exact=True).fill("other")
    page.get_by_label("API key", exact=True).fill("another-secret-key")
    page.locator("#tab-world").get_by_role("button", name="Add", exact=True).click()
    shows(page.locator("#organisation-list"), "anot…ey")
    page.locator("#stub-form").get_by_label("Path").fill("/v1/agents/{id}")
    page.get_by_role("button", name="Add stub").click()
    shows(page.locator("#stub-list"), "GET /v1/agents/{id}")
    assert "another-secret-key" not in page.content()
    page.get_by_label("A saved world").set_input_files(saved)
    shows(page.locator("#results-empty"), "There are no test results yet.")
    assert list(fake.world.organisations) == ["default"]
    bad = tmp_path / "bad.json"
    bad.write_text('{"format": 1}')
    page.get_by_label("A saved world").set_input_files(bad)
    shows(page.get_by_role("alert"), "now: missing")
    fake.add_test_result()
    row(page, 1).wait_for()
    page.locator("#reset").click()
    page.locator("#reset").click()
    shows(page.locator("#results-empty"), "There are no test results yet.")


def test_ten_thousand_results_stay_usable(tab: Any, fake: FakeBluejay, capsys: pytest.CaptureFixture[str]) -> None:
    fake.add_test_results(10_000, agent=silent())
    page = tab
    page.set_default_timeout(30_000)
    begun = time.perf_counter()
    page.goto(f"{fake.url}/_fake/")
    row(page, 1).wait_for()
    painted = time.perf_counter() - begun
    first_paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN")
    shows(page.locator("#page-text"), "1–100 of 10,000")
    assert page.locator("#results-rows tr").count() == 100

    begun = time.perf_counter()
    fake.test_result(50).set_status("CONVERSATION_ENDED")
    shows(row(page, 50), "CONVERSATION_ENDED")
    updated = time.perf_counter() - begun
    shows(page.locator("#chips"), "RUNNING9,999")

    begun = time.perf_counter()
    page.locator("#results-search").fill("#9876")
    row(page, 9876).wait_for()
    searched = time.perf_counter() - begun
    page.locator("#results-search").fill("")

    # A burst that no event log holds: every one of them marked, and expired.
    begun = time.perf_counter()
    assert end(fake, *range(1, 10_001)).json()["ended_count"] == 9_999
    fake.clock.advance(30)
    shows(page.locator("#chips"), "SYSTEM_ERROR9,999")
    burst = time.perf_counter() - begun
    page.locator("#page-on").click()
    row(page, 101).wait_for()
    shows(page.locator("#page-text"), "101–200 of 10,000")
    with capsys.disabled():
        print(
            f"\n10,000 results in the console: first paint {first_paint:.0f} ms, rows there {painted * 1000:.0f} ms, "
            f"an update {updated * 1000:.0f} ms, a search {searched * 1000:.0f} ms, "
            f"10,000 marked and expired {burst * 1000:.0f} ms"
        )


CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (color, under) => {
    canvas.clearRect(0, 0, 1, 1);
    if (under) { canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1); }
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const linear = (each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [r, g, b].map((each) => linear(each / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (rgb(color)[3] === 255) return color;
    }
    return 'white';
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || !element.checkVisibility()) continue;
    if (element.closest('svg, [disabled], option, .hidden, noscript')) continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(rgb(ground(element)))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, `${element.tagName}.${element.className}: ${element.textContent.slice(0, 40)}`]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(tab: Any, fake: FakeBluejay, scheme: str) -> None:
    for status in Status:
        fake.add_test_result(status=status)
    end(fake, 5)
    fake.faults.respond(500)
    end(fake, 5)
    end(fake)
    fake.faults.delay(1)
    fake.readings.set(success="always")
    fake.add_agent()
    fake.webhooks.add(lambda request: 200)
    fake.webhooks.disable(fake.webhooks.add(lambda request: 200))
    fake.webhooks.send("simulation_ended", {})
    page = tab
    page.set_viewport_size({"width": 1360, "height": 1200})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{fake.url}/_fake/")
    row(page, 5).click()
    page.locator("#tab-result .timeline").wait_for()
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) > 382) is (scheme == "light")
    checked = 0
    page.locator("#requests-rows tr").first.click()
    for tab, there in (
        ("result", ".timeline"),
        ("request", "#curl"),
        ("faults", "#fault-list li"),
        ("readings", ".reading"),
        ("webhooks", "#delivery-list li"),
        ("resources", "#resource-list li"),
        ("world", "#organisation-list li"),
    ):
        page.locator(f".tabs button[data-tab={tab}]").click()
        page.locator(f"#tab-{tab} {there}").first.wait_for()
        for summary in page.locator(f"#tab-{tab} > ul > li > details > summary").all():
            summary.click()
        found = page.evaluate(CONTRAST)
        checked += len(found)
        assert [one for one in found if one[0] < 4.5] == []
    assert checked > 300
    page.keyboard.press("t")
    turned = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert turned != ground
    page.reload()
    row(page, 5).wait_for()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == turned


@pytest.mark.parametrize("width", [360, 700, 1024])
def test_narrow_windows(tab: Any, fake: FakeBluejay, width: int) -> None:
    for status in Status:
        fake.add_test_result(status=status)
    end(fake, 5)
    page = tab
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(f"{fake.url}/_fake/")
    row(page, 5).wait_for()

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    assert fits()
    row(page, 5).click()
    page.locator("#tab-result .timeline").wait_for()
    assert page.locator(".diagram").is_visible()
    assert fits()
    edge = page.locator("#side").bounding_box()
    for button in page.locator(".tabs button:visible").all():  # each lies within the panel
        box = button.bounding_box()
        assert edge["x"] <= box["x"]
        assert box["x"] + box["width"] <= edge["x"] + edge["width"]
    if width <= 900:
        assert not page.locator("#results").is_visible()
        for name in ("Requests", "Details", "Faults", "Readings", "Webhooks", "Resources", "World", "Results"):
            page.locator(".views").get_by_role("button", name=name).click()
            assert fits()
            assert page.locator(".views [aria-current=true]").all_text_contents() == [name]
        with page.expect_response("**/_fake/end-conversations"):
            row(page, 5).get_by_role("button", name="End", exact=True).click()
        fake.assert_requested("POST", "/v1/end-conversations", times=2)


def test_it_finds_the_server_again(tab: Any) -> None:
    fake = FakeBluejay()
    fake.add_test_result()
    page = tab
    page.goto(f"{fake.url}/_fake/")
    shows(row(page, 1), "RUNNING")
    fake.service.events.end()
    fake.add_test_result(status="QUEUED")  # while the page is not listening
    shows(row(page, 2), "QUEUED")
    shows(page.locator("#live"), "live")
    fake.stop()


def test_one_console_too_many_says_so_and_shows_what_is_there(tab: Any) -> None:
    fake = FakeBluejay()
    fake.add_test_result()
    subscriptions = [fake.service.events.subscribe(lambda: None) for _ in range(64)]
    page = tab
    page.goto(f"{fake.url}/_fake/")
    shows(row(page, 1), "RUNNING")
    shows(page.locator("#notes"), "64 event streams are open")
    for subscription in subscriptions:
        subscription.close()
    shows(page.locator("#live"), "live")
    fake.stop()


def test_the_reference_has_every_operation_of_both_documents(fake: FakeBluejay, page: Any) -> None:
    page.get_by_role("link", name="API").click()
    listed = page.locator("details")
    listed.first.wait_for()
    documents = [httpx.get(f"{fake.url}{path}", timeout=60).json() for path in ("/openapi.json", "/_fake/openapi.json")]
    assert listed.count() == sum(len(methods) for one in documents for methods in one["paths"].values())

    page.get_by_label("Search operations").fill("failed_ids")
    shown = page.locator("details:visible")
    assert shown.locator("summary code").all_inner_texts() == ["/v1/end-conversations"]
    shown.locator("summary").click()
    shows(shown.locator(".shape tr"), "list of integer items ≥ 1")


def test_a_button_says_what_it_does(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_result()
    fake.faults.delay(1)
    row(page, 1).click()
    shows(page.locator("#tab-result"), "Test result 1")
    names = page.eval_on_selector_all(
        "button, .button",
        "all => all.map((one) => (one.getAttribute('aria-label') || one.textContent).trim().replace(/\\s+/g, ' '))",
    )
    assert "" not in names
    assert {"End", "Next page", "Previous page", "Load a saved world…", "Disarm all"} <= set(names)
    assert not {"Mark", "On", "Back", "Put one in…", "×", "OK", "Go"} & set(names)


def test_a_fault_is_disarmed_alone(fake: FakeBluejay, page: Any) -> None:
    fake.faults.delay(3)
    fake.faults.reset(path="/v1/ping")
    page.keyboard.press("f")
    shows(page.locator("#fault-list"), "reset the connection")
    page.get_by_role("button", name="Disarm fault 1: answer late").click()
    page.locator("#fault-list li").nth(1).wait_for(state="detached")
    assert [fault.kind for fault in fake.faults] == ["reset"]


def test_address_names_the_view(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_results(2)
    row(page, 2).click()
    shows(page.locator("#tab-result"), "Test result 2")
    page.reload()
    shows(page.locator("#tab-result"), "Test result 2")
    row(page, 1).click()
    shows(page.locator("#tab-result"), "Test result 1")
    page.get_by_role("button", name="World", exact=True).first.click()
    page.go_back()
    shows(page.locator("#tab-result"), "Test result 1")
    page.go_back()
    shows(page.locator("#tab-result"), "Test result 2")
    assert page.url.startswith(f"{fake.url}/_fake/")


def test_address_names_the_view_of_a_narrow_window(page: Any, fake: FakeBluejay) -> None:
    """A phone, or a page at 200 %, has room for one view: a reload shows it again, and Back leads out of it."""
    page.set_viewport_size({"width": 390, "height": 780})
    fake.add_test_results(2)
    row(page, 2).click()
    shows(page.locator("#tab-result"), "Test result 2")
    page.reload()
    shows(page.locator("#tab-result"), "Test result 2")
    assert page.locator("#side").is_visible()
    page.go_back()
    row(page, 1).wait_for()
    assert not page.locator("#side").is_visible()
    page.locator(".views").get_by_role("button", name="Requests").click()
    page.locator(".views").get_by_role("button", name="World").click()
    page.reload()
    page.locator("#tab-world").wait_for()
    page.go_back()
    page.locator("#requests").wait_for()
    page.go_back()
    page.locator("#results").wait_for()


def test_the_page_of_a_world_of_its_own_names_it(tab: Any, serving: Any) -> None:
    with serving("--clock", "manual") as server:
        own = {"name": "checkout", "api_key": "key-of-checkout", "world": "own"}
        httpx.post(f"{server.url}/_fake/organisations", json=own).raise_for_status()
        tab.goto(f"{server.url}/_fake/?organisation=checkout")
        shows(tab.locator("#version"), "the world of checkout")
        tab.goto(f"{server.url}/_fake/")
        shows(tab.locator("#version"), ".")
        assert "checkout" not in tab.locator("#version").text_content()
        tab.goto("about:blank")


def test_a_change_of_status_is_said_to_a_screen_reader(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_result()
    row(page, 1).click()
    shows(page.locator("#tab-result"), "Test result 1")
    fake.test_result(1).end()
    shows(page.locator("[aria-live=polite]"), "Test result 1 is CONVERSATION_ENDED now.")


def test_pages_that_nobody_sees_let_go_of_the_stream(browser: Any, fake: FakeBluejay) -> None:
    """More than a browser opens connections to one server."""
    hide = "Object.defineProperty(document, 'hidden', {get: () => window.unseen ?? true, configurable: true})"
    context = browser.new_context()
    context.add_init_script(hide)
    pages = [context.new_page() for _ in range(7)]
    for one in pages:
        one.goto(f"{fake.url}/_fake/")
        one.locator("#live", has_text="paused").wait_for()
    pages[3].evaluate("() => { window.unseen = false; document.dispatchEvent(new Event('visibilitychange')); }")
    pages[3].locator("#live", has_text="live").wait_for()
    fake.add_test_result()
    shows(row(pages[3], 1), "RUNNING")
    pages[3].evaluate("() => { window.unseen = true; document.dispatchEvent(new Event('visibilitychange')); }")
    pages[3].locator("#live", has_text="paused").wait_for()
    context.close()


def test_the_reference_leaves_no_request_in_the_journal(fake: FakeBluejay, page: Any) -> None:
    page.goto(f"{fake.url}/_fake/docs")
    page.get_by_text("/v1/end-conversations").first.wait_for()
    assert "`" not in page.inner_text("summary >> nth=0")
    fake.assert_no_requests()


def test_resource_is_added_changed_searched_and_removed(fake: FakeBluejay, page: Any) -> None:
    page.keyboard.press("s")
    page.locator("#resource-kind").select_option("folders")
    shows(page.locator("#resource-about"), "There are none.")
    page.locator("#resource-adding summary").click()
    page.locator("#resource-new").fill('{"name": "Support"}')
    page.get_by_role("button", name="Add it").click()
    shows(page.locator("#resource-list"), "Support")
    [folder] = fake.resources("folder")
    fake.add("folder", name="Sales")  # what happens elsewhere shows by itself
    shows(page.locator("#resource-list"), "Sales")

    page.locator(f"#resource-list [data-key='{folder.id}'] summary").click()
    page.get_by_label(f"Fields of {folder.id}").fill('{"name": "Help"}')
    page.get_by_role("button", name="Save").click()
    shows(page.locator("#resource-list"), "Help")
    assert folder.fields == {"name": "Help"}
    page.locator("#resource-search").fill("sal")
    shows(page.locator("#resource-kind"), "folders (2)")
    page.wait_for_function("() => document.querySelectorAll('#resource-list > li').length === 1")
    page.locator("#resource-search").fill("")
    page.locator(f"#resource-list [data-key='{folder.id}'] summary").click()
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Really remove?").click()
    page.wait_for_function("() => !document.querySelector('#resource-list').textContent.includes('Help')")
    assert [one.fields["name"] for one in fake.resources("folder")] == ["Sales"]


def test_what_is_written_before_the_browser_tells_of_the_opening_stays(page: Any) -> None:
    page.keyboard.press("s")
    shows(page.locator("#resource-about"), "There are none.")
    written = page.evaluate("""async () => {
        const [adding, text] = [document.querySelector('#resource-adding'), document.querySelector('#resource-new')];
        const told = new Promise((done) => adding.addEventListener('toggle', done));
        adding.querySelector('summary').click();
        text.value = '{"name": "Mine"}';
        await told;
        return text.value;
    }""")
    assert written == '{"name": "Mine"}'


def test_resource_that_cannot_be_is_refused_with_the_reason(fake: FakeBluejay, page: Any) -> None:
    page.keyboard.press("s")
    page.locator("#resource-kind").select_option("communities")
    page.locator("#resource-adding summary").click()
    page.locator("#resource-new").fill('{"titel": "Billing"}')
    page.get_by_role("button", name="Add it").click()
    shows(page.locator("#notes"), "did you mean 'title'?")
    page.locator("#resource-new").fill('{"title": ')
    page.get_by_role("button", name="Add it").click()
    shows(page.locator("#notes"), "The fields are not JSON")
    assert fake.resources("community") == []


def test_evaluated_result_shows_its_scores_and_its_transcript(fake: FakeBluejay, page: Any) -> None:
    simulation = fake.add_simulation(digital_humans=1, agent=fake.add_agent())
    fake.add("metric", name="politeness", response_type="quantitative", min_value=4, max_value=4, agent_ids=[1])
    fake.queue_run(simulation.id)
    fake.clock.advance(3600)
    row(page, 1).click()
    shows(page.locator("#result-scores"), "politeness")
    page.locator("#result-transcript summary").click()
    shows(page.locator("#result-transcript"), "Hello, how can I help you?")


def test_runs_lead_to_the_scores_and_transcripts_of_their_results(fake: FakeBluejay, page: Any) -> None:
    page.keyboard.press("w")
    shows(page.locator("#run-empty"), "No runs.")
    fake.calls.next(Call(), Call(passes=False))
    fake.queue_run(fake.add_simulation(digital_humans=2, agent=fake.add_agent()).id)
    shows(page.locator("#run-list li[data-key='1']"), "RUNNING")
    fake.add("metric", name="politeness", response_type="quantitative", min_value=4, max_value=4, agent_ids=[1])
    fake.clock.advance(3600)
    shows(page.locator("#run-list li[data-key='1']"), "COMPLETED")
    shows(page.locator("#run-list li[data-key='1']"), "1 passed · 1 failed · 0 cancelled")
    page.get_by_role("button", name="Test result 2 of run 1").click()
    shows(page.locator("#tab-result h2"), "Test result 2")
    shows(page.locator("#result-scores"), "politeness")
    page.locator("#result-transcript summary").click()
    shows(page.locator("#result-transcript"), "Hello, how can I help you?")


@contextlib.contextmanager
def held_back(page: Any, url: str, method: str = "GET") -> Iterator[None]:
    """Requests of the page that reach the server only when the block is left."""
    held: list[Any] = []
    page.route(url, lambda route: held.append(route) if route.request.method == method else route.continue_())
    yield
    for route in held:
        route.continue_()
    page.unroute(url)


def focused(page: Any) -> str:
    """The id or the text of the element that has the focus, and its kind."""
    return str(
        page.evaluate(
            "(({ id, textContent, localName }) => `${id || textContent}|${localName}`)(document.activeElement)"
        )
    )


def test_webhooks_and_what_was_sent_to_them_show_as_it_happens(fake: FakeBluejay, page: Any, receiver: Any) -> None:
    page.keyboard.press("h")
    shows(page.locator("#webhook-empty"), "No webhooks.")
    shows(page.locator("#delivery-empty"), "None yet.")
    page.locator("#webhook-adding summary").click()
    page.get_by_label("URL", exact=True).fill(receiver.url)
    page.get_by_role("button", name="Add webhook").click()
    shows(page.locator("#webhook-list"), receiver.url)
    [webhook] = fake.world.outbox.webhooks.values()
    shows(page.locator("#webhook-secret"), webhook.secret)
    shows(page.locator("#webhook-list"), f"{len(webhook.events)} events · all agents")

    receiver.answers.append(500)
    fake.add_test_result().end()
    first, second = (page.locator(f"#delivery-list li[data-key='{number}']") for number in (1, 2))
    shows(first, "failed · 500")
    first.locator("summary").click()
    shows(first.locator("pre"), '"CONVERSATION_ENDED"')
    shows(first.locator(".attempts"), "500")
    fake.webhooks.delay(30)
    fake.webhooks.send("simulation_ended", {"own": "<b>payload</b>"})
    shows(second, "to be sent")
    shows(second, receiver.url)
    fake.clock.advance(30)
    shows(second, "delivered · 204")
    second.locator("summary").click()
    shows(second.locator("pre"), '"own": "<b>payload</b>"')
    assert first.locator("pre").is_visible()  # what is open stays open
    order = page.locator("#delivery-list > li").evaluate_all("all => all.map((one) => Number(one.dataset.key))")
    assert order == sorted(order, reverse=True)

    listed = page.locator("#webhook-list li")
    listed.locator("summary").click()
    listed.get_by_role("button", name="Disable").click()
    shows(listed.locator(".tag"), "disabled")
    assert not fake.world.outbox.webhooks[webhook.id].enabled
    listed.get_by_role("button", name="Enable").click()
    listed.get_by_role("button", name="Disable").wait_for()
    listed.get_by_role("button", name="Remove").click()
    listed.get_by_role("button", name="Really remove?").click()
    shows(page.locator("#webhook-empty"), "No webhooks.")
    shows(second, "→ a webhook that is gone")


def test_delivery_that_is_repeated_shows_each_attempt(fake: FakeBluejay, page: Any) -> None:
    answers = iter([503, 204])
    fake.webhooks.add(lambda request: next(answers), ["simulation_ended"], retries=1)
    fake.webhooks.send("simulation_ended", {})
    page.keyboard.press("h")
    delivery = page.locator("#delivery-list li[data-key='1']")
    shows(delivery, "to be repeated · 503")
    delivery.locator("summary").click()
    shows(delivery, "1 attempt to come")
    fake.clock.advance(5)
    shows(delivery, "delivered · 204")
    assert delivery.locator(".attempts strong").all_inner_texts() == ["503", "204"]
    assert delivery.locator("pre").is_visible()
    shows(page.locator("#webhook-list"), "a function in a test")
    shows(delivery, "→ a function in a test")


def test_search_filter_order_and_page_of_the_lists_outlast_a_reload(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_results(250, agent=silent())
    fake.add_test_results(3, status="QUEUED")
    end(fake, 1)
    end(fake, 2)
    shows(page.locator("#requests-count"), "2")
    page.evaluate("() => { history.pushState = () => { window.step = true; }; }")
    page.locator("#chips [data-status=RUNNING]").click()
    page.locator("#results-search").fill("silent")
    page.locator("#order").select_option("newest")
    shows(page.locator("#page-text"), "of 250")
    page.locator("#page-on").click()
    row(page, 150).wait_for()
    page.locator("#requests-search").fill("end-conv")
    assert page.evaluate("window.step") is None  # a filter is no step of the history
    page.reload()
    row(page, 150).wait_for()
    shows(page.locator("#page-text"), "101–200 of 250")
    page.locator("#chips [data-status=RUNNING][aria-pressed=true]").wait_for()
    assert page.locator("#results-search").input_value() == "silent"
    assert page.locator("#requests-search").input_value() == "end-conv"
    assert page.locator("#order").input_value() == "newest"
    row(page, 150).click()
    shows(page.locator("#tab-result"), "Test result 150")
    page.go_back()
    shows(page.locator("#tab-result"), "Choose a test result")
    shows(page.locator("#page-text"), "101–200 of 250")
    page.locator("#results-search").fill("queued")
    shows(page.locator("#results-empty"), "No test result matches.")
    page.locator("#chips [data-status='']").click()
    row(page, 253).wait_for()
    page.reload()
    row(page, 253).wait_for()
    page.wait_for_function("() => document.querySelectorAll('#results-rows tr').length === 3")


def test_page_that_is_no_longer_there_becomes_the_last(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_results(150)
    page.goto(f"{fake.url}/_fake/#page=9&status=RUNNING,WALKING&view=nowhere")
    page.reload()
    shows(page.locator("#page-text"), "101–150 of 150")
    page.wait_for_function("() => location.hash === '#status=RUNNING&page=2'")


def test_what_is_typed_while_the_page_starts_stays(tab: Any, fake: FakeBluejay) -> None:
    fake.add_test_results(12)
    with held_back(tab, "**/_fake/transitions"):
        with tab.expect_request("**/_fake/transitions"):
            tab.goto(f"{fake.url}/_fake/#result=3&q=7")
        tab.locator("#results-search").fill("#12")
    row(tab, 12).wait_for()
    tab.wait_for_function("() => document.querySelectorAll('#results-rows tr').length === 1")
    assert tab.locator("#results-search").input_value() == "#12"
    shows(tab.locator("#tab-result"), "Test result 3")


def test_keys_lead_to_a_heading_or_to_a_harmless_choice(fake: FakeBluejay, page: Any) -> None:
    before = fake.dump()["readings"]
    page.locator(".reading").first.wait_for(state="attached")
    for key, focus in (
        ("r", "Readings|h2"),
        ("w", "World|h2"),
        ("h", "Webhooks|h2"),
        ("s", "resource-kind|select"),
    ):
        page.keyboard.press(key)
        assert focused(page) == focus
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    assert focused(page) == "fault-kind|select"
    page.keyboard.press("Escape")
    for text in ("one", "two"):  # what is typed replaces an earlier search
        page.keyboard.press("q")
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        assert page.locator("#requests-search").input_value() == text
        page.locator("#requests-search").blur()
    assert fake.dump()["readings"] == before


def test_links_of_a_resource_are_said_in_words(page: Any) -> None:
    page.keyboard.press("s")
    for kind, says in (
        ("agents", "folder_id names one of the folders: it becomes empty if that is removed."),
        ("communities", "digital_human_ids names digital humans: one that is removed is taken out."),
        ("schedules", "simulation_id names one of the simulations: this is removed with it."),
        ("call_logs", "agent_id names one of the agents: it stays as it is if that is removed."),
    ):
        page.locator("#resource-kind").select_option(kind)
        shows(page.locator("#resource-links"), says)


def test_table_is_one_stop_of_tab_and_arrows_reach_its_buttons(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_results(3, agent=silent())
    shows(row(page, 3), "RUNNING")
    row(page, 1).focus()
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.closest('#results-rows') !== null")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.dataset.key") == "1"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert focused(page) == "End|button"
    page.keyboard.press("Enter")
    shows(row(page, 2), "watchdog in 30.0 s")
    assert focused(page) == "End|button"  # although its row was drawn anew
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.key") == "2"
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.dataset.key") == "2"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.key") == "3"
    assert [one.watchdog is not None for one in fake.test_results] == [False, True, False]
    page.locator("#chips [data-status=RUNNING]").click()
    row(page, 1).click()
    row(page, 2).focus()
    page.keyboard.press("ArrowRight")
    fake.test_result(2).end()  # which takes the row away, and not the focus out of the table
    row(page, 2).wait_for(state="detached")
    assert page.evaluate("document.activeElement.dataset.key") == "3"
    page.keyboard.press("Shift+Tab")
    assert not page.evaluate("document.activeElement.closest('#results-rows') !== null")


def test_half_written_fields_stay_when_the_entity_changes_elsewhere(fake: FakeBluejay, page: Any) -> None:
    folder = fake.add("folder", name="Support")
    other = fake.add("folder", name="Sales")
    page.keyboard.press("s")
    page.locator("#resource-kind").select_option("folders")
    page.locator(f"#resource-list [data-key='{folder.id}'] summary").click()
    fields = page.get_by_label(f"Fields of {folder.id}")
    fields.press("Control+End")
    fields.press("Space")
    httpx.patch(f"{fake.url}/_fake/resources/folders/{folder.id}", json={"fields": {"name": "Elsewhere"}})
    httpx.patch(f"{fake.url}/_fake/resources/folders/{other.id}", json={"fields": {"name": "Also"}})
    shows(page.locator("#resource-list"), "Also")
    assert '"Support"' in fields.input_value()
    assert page.evaluate("document.activeElement.localName") == "textarea"
    page.get_by_role("button", name="Save").click()  # sends what was changed here: nothing
    shows(page.locator("#resource-list"), "Elsewhere")
    assert '"Elsewhere"' in fields.input_value()
    assert fields.is_visible()


def test_what_is_chosen_and_opened_at_a_result_outlasts_its_changes(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_result(agent=silent(), tags=["a"])
    row(page, 1).click()
    page.locator("#result-fields summary").click()
    page.locator("#result-force").select_option("REJECTED")
    page.locator("#result-force").focus()
    end(fake, 1)
    shows(page.locator("#tab-result .timeline"), "watchdog in")
    assert page.locator("#result-force").input_value() == "REJECTED"
    assert focused(page) == "result-force|select"
    assert page.locator("#result-fields pre").is_visible()
    page.get_by_role("button", name="Force").click()
    shows(row(page, 1), "REJECTED")
    fake.test_result(1).set_status("RUNNING", force=True)
    shows(page.locator("#tab-result .head"), "RUNNING")
    assert page.locator("#result-force").input_value() == "RUNNING"


def test_what_is_written_while_the_server_takes_a_form_stays(fake: FakeBluejay, page: Any) -> None:
    page.keyboard.press("w")
    path = page.locator("#stub-form").get_by_label("Path")
    path.fill("/v1/one")
    with held_back(page, "**/_fake/stubs", "POST"):
        with page.expect_request(lambda request: request.method == "POST"):
            path.press("Enter")
        path.fill("/v1/two")
    shows(page.locator("#stub-list"), "GET /v1/one")
    assert path.input_value() == "/v1/two"
    path.press("Enter")
    shows(page.locator("#stub-list"), "GET /v1/two")
    page.wait_for_function("() => document.querySelector('#stub-form [name=path]').value === ''")


def test_late_answers_do_not_show_what_nobody_asks_for_any_more(fake: FakeBluejay, page: Any) -> None:
    fake.add_test_results(2)
    row(page, 2).wait_for()
    page.evaluate("""() => {
        window.seen = [];
        const note = () => window.seen.push(document.body.innerText);
        new MutationObserver(note).observe(document.body, { attributes: true, childList: true, subtree: true });
    }""")
    with held_back(page, "**/_fake/test-results/1"):
        with page.expect_request("**/_fake/test-results/1"):
            row(page, 1).click()
        row(page, 2).click()
    shows(page.locator("#tab-result"), "Test result 2")
    with held_back(page, "**/_fake/test-results?*q=nothing"):
        with page.expect_request("**/_fake/test-results?*q=nothing"):
            page.locator("#results-search").fill("nothing")
        page.locator("#results-search").fill("#1")
    page.wait_for_function("() => document.querySelectorAll('#results-rows tr').length === 1")
    seen = "".join(page.evaluate("window.seen"))
    assert "Test result 2" in seen
    assert "Test result 1" not in seen
    assert "No test result matches" not in seen


def test_focus_stays_in_lists_that_change(fake: FakeBluejay, page: Any) -> None:
    focus = "document.activeElement.ariaLabel || document.activeElement.id"
    fake.faults.delay(3)
    page.keyboard.press("f")
    page.get_by_role("button", name="Disarm fault 1").focus()
    fake.faults.reset(path="/v1/ping")
    page.get_by_role("button", name="Disarm fault 2").wait_for()
    assert page.evaluate(focus) == "Disarm fault 1: answer late"
    page.keyboard.press("r")
    page.locator("#reading-success").focus()
    fake.readings.set(no_failed_ids="empty-list", success="always")
    page.wait_for_function("() => document.querySelector('#reading-success').value === 'always'")
    assert page.evaluate(focus) == "reading-success"
    run = fake.queue_run(fake.add_simulation(digital_humans=2, agent=fake.add_agent()).id)
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.get_by_role("button", name="Test result 1 of run 1").focus()
    page.keyboard.press("ArrowRight")
    fake.clock.run_until(lambda: run.status == "COMPLETED")
    shows(page.locator("#run-list"), "COMPLETED")
    assert page.evaluate(focus) == "Test result 2 of run 1"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#run-list')") is None  # one stop, however many results
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.evaluate("document.querySelector('#resource-kind').selectedOptions[0].mine = true")
    fake.add_agent()
    shows(page.locator("#resource-kind"), "agents (2)")
    assert page.evaluate("document.querySelector('#resource-kind').selectedOptions[0].mine") is True


def test_kind_and_search_of_resources_outlast_a_reload(fake: FakeBluejay, page: Any) -> None:
    fake.add("folder", name="Support")
    fake.add("folder", name="Sales")
    fake.add_agent(name="Front desk")
    page.keyboard.press("s")
    page.locator("#resource-kind").select_option("folders")
    page.locator("#resource-search").fill("sal")
    page.wait_for_function("() => document.querySelectorAll('#resource-list > li').length === 1")
    page.reload()
    shows(page.locator("#resource-list"), "Sales")
    assert page.locator("#resource-kind").input_value() == "folders"
    assert page.locator("#resource-search").input_value() == "sal"
    page.locator(".tabs button[data-tab=world]").click()
    page.locator(".tabs button[data-tab=resources]").click()
    page.locator("#resource-kind").select_option("agents")
    page.locator("#resource-search").fill("")
    shows(page.locator("#resource-list"), "Front desk")
    page.go_back()
    page.go_back()
    shows(page.locator("#resource-list"), "Sales")
    page.goto(f"{fake.url}/_fake/#tab=resources&kind=nothing")
    shows(page.locator("#resource-list"), "Front desk")
