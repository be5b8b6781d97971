"""`python -m fake_bluejay` is the `fake-bluejay` command."""

from __future__ import annotations

from fake_bluejay.cli import main

main(prog_name="fake-bluejay")
