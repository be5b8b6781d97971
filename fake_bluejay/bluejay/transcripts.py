"""Transcripts that clients give as text."""

from __future__ import annotations

import json
import re


def spoken_in(text: str) -> list[dict[str, str]]:
    """Return the utterances in lines of `Name: words`. Every other speaker than an agent is the user.

    A line without a name continues the one before.
    """
    spoken: list[dict[str, str]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        named = re.match(r"([A-Za-z][\w ]{0,40}):\s*(.*)", line)
        if named is None and spoken:
            spoken[-1] = {**spoken[-1], "utterance": f"{spoken[-1]['utterance']} {line}"}
            continue
        is_agent = named is not None and re.search("agent|assistant|bot", named[1].lower())
        spoken.append({"role": "AGENT" if is_agent else "USER", "utterance": line if named is None else named[2]})
    return spoken


def utterances(spoken: list[dict[str, str]]) -> str:
    """Return the user's utterances, in the form of a digital human's intent."""
    return json.dumps([one.get("utterance", "") for one in spoken if one.get("role") == "USER"])
