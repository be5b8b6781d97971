"""What all shapes on the wire have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Wire"]


class Wire(BaseModel):
    """A shape on the wire. It is made ready when it is first used: there are many, and a test uses few."""

    model_config = ConfigDict(defer_build=True)
