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
        role = "AGENT" if named is not None and _is_agent(named[1]) else "USER"
        spoken.append({"role": role, "utterance": line if named is None else named[2]})
    return spoken


def utterances(spoken: list[dict[str, str]]) -> str:
    """Return the user's utterances, in the form of a digital human's intent. Any role but an agent's is the user."""
    return json.dumps([one.get("utterance", "") for one in spoken if not _is_agent(one.get("role", ""))])


def _is_agent(speaker: str) -> bool:
    return re.search("agent|assistant|bot", speaker.lower()) is not None
