"""The console at `/_fake/` and the reference at `/_fake/docs`, of files beside this one, with nothing from outside."""

from __future__ import annotations

import functools
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_FILES = Path(__file__).parent / "console"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_HEADERS = {
    # Only resources of this server, and no inline script: a name or a body that a test
    # made up can be shown here, never run. Trusted types keep strings from becoming markup.
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
    """Answer with the icon, for browsers that show another page than the console."""
    return _file("icon.svg")


def _file(name: str) -> Response:
    if name not in _names():
        raise HTTPException(404)
    return Response(_content(name), headers=_HEADERS, media_type=_TYPES[Path(name).suffix])


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(file.name for file in _FILES.iterdir() if file.suffix in _TYPES)


@functools.cache
def _content(name: str) -> bytes:
    return (_FILES / name).read_bytes()
