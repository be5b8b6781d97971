"""The wire's only ways to read a clock, and to wait for bytes that arrive later."""

from __future__ import annotations

import time


def now() -> float:
    """Return the present by the clock that `wait` waits by, in seconds."""
    return time.monotonic()


def wait(seconds: float) -> None:
    """Wait in a thread."""
    time.sleep(seconds)


async def wait_async(seconds: float) -> None:
    """Wait in a coroutine, on any event loop; also a wait for no time gives others their turn."""
    import anyio  # which Starlette brings

    await anyio.sleep(seconds)
