"""The console at `/_fake/` and the reference at `/_fake/docs`: the files in `console/`."""

from __future__ import annotations

import functools
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_FILES = Path(__file__).parent / "console"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_HEADERS = {
    # Only resources of this server, and no inline script, so that nothing that a test made up and the console shows
    # can run. Trusted types keep strings from becoming markup.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


async def console_file(request: Request) -> Response:
    """Answer with the console, or one of the files that its pages consist of."""
    return _file(request.path_params.get("name", "index.html"))


async def reference(request: Request) -> Response:
    """Answer with the reference of both OpenAPI documents, as a page."""
    return _file("reference.html")


async def icon(request: Request) -> Response:
    """Answer with the icon at `/favicon.ico`, for which browsers ask on any page."""
    return _file("icon.svg")


def _file(name: str) -> Response:
    if name not in _contents():
        raise HTTPException(404)
    return Response(_contents()[name], headers=_HEADERS, media_type=_TYPES[Path(name).suffix])


@functools.cache
def _contents() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in _FILES.iterdir() if file.suffix in _TYPES}
