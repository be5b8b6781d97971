"""The pictures of the console in docs/images: `make screenshots`."""

from pathlib import Path

import httpx
from chromium import chromium

from fake_bluejay import FakeBluejay
from fake_bluejay.agents import drops_after, ends_within, silent

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def scene(fake: FakeBluejay) -> None:
    """A world in which something of everything has happened."""
    client = httpx.Client(base_url=fake.base_url, headers={"X-API-Key": fake.api_key})
    fake.add_test_results(3)
    fake.add_test_results(3, agent=silent())
    fake.add_test_result(agent=ends_within(20))
    fake.add_test_result(agent=drops_after(5))
    for status in [
        "INITIALIZING",
        "QUEUED",
        "READY",
        "DISPATCHED",
        "COMPLETED",
        "NO_ANSWER",
        "CANCELLED",
        "OUT_OF_FUNDS",
    ]:
        fake.add_test_result(status=status)
    fake.clock.advance(12.5)
    client.post("/end-conversations", json={"test_result_ids": [1, 4]})
    fake.clock.advance(8.25)
    client.post("/end-conversations", json={"test_result_ids": []})
    client.get("/retrieve-simulation-result/4")
    fake.clock.advance(9)
    client.post("/end-conversations", json={"test_result_ids": [2, 5, 7, 8, 999]})
    fake.faults.respond(503, json={"detail": "Service Unavailable"})
    client.post("/end-conversations", json={"test_result_ids": [3]})
    fake.clock.advance(8.4)
    client.get("/retrieve-simulation-result/2")
    agent = fake.add_agent(name="Front desk")
    fake.add("metric", name="politeness", response_type="quantitative", min_value=1, max_value=5, agent_ids=[agent.id])
    fake.evaluations.next(scores={"politeness": 4})
    for _ in range(3):
        fake.add("call log", agent_id=str(agent.id), metadata={"shop": 7})
    fake.clock.advance(8)
    fake.faults.delay(8, path="/v1/end-conversations")
    fake.readings.set(no_failed_ids="empty-list")


def main() -> None:
    fake = FakeBluejay()
    scene(fake)
    IMAGES.mkdir(exist_ok=True)
    with chromium() as browser:
        for name, scheme, width, height in [
            ("console-light", "light", 1360, 960),
            ("console-dark", "dark", 1360, 960),
            ("console-narrow", "light", 390, 780),
            ("console-resources", "light", 1360, 960),
        ]:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
            page.on("console", lambda message: print(message.text))
            page.goto(f"{fake.url}/_fake/")
            page.locator("#results-rows tr").first.wait_for()
            if width > 900:
                page.locator("#results-rows tr[data-key='5']").click()
                page.locator("#tab-result .timeline").wait_for()
                page.locator("#requests-rows tr").first.wait_for()
            if name == "console-resources":
                page.keyboard.press("s")
                page.locator("#resource-kind").select_option("call_logs")
                page.locator("#resource-list summary").first.click()
            page.mouse.move(0, 0)
            page.screenshot(path=IMAGES / f"{name}.png")
            page.close()
    fake.stop()


if __name__ == "__main__":
    main()
