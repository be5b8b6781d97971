"""`fake-bluejay`, also `python -m fake_bluejay`: the command, if its dependencies are installed."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command, or name the missing dependencies."""
    try:
        from fake_bluejay.cli import main as command
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print(
            'fake-bluejay: the command needs more than the fixture: pip install "fake-bluejay[server]"', file=sys.stderr
        )
        sys.exit(2)
    command(prog_name="fake-bluejay")


if __name__ == "__main__":
    main()
