"""The base of all shapes on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]
"""An integer above 0."""


class Wire(BaseModel):
    """A shape on the wire. It is made ready when it is first used: there are many, and a test uses few."""

    model_config = ConfigDict(defer_build=True)
