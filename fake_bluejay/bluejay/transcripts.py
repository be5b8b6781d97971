"""Transcripts that clients give as text: who said what in them."""

from __future__ import annotations

import json
import re


def spoken_in(text: str) -> list[dict[str, str]]:
    """Return who said what in lines of `Name: words`; who is no agent is the user, and unnamed lines go on."""
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
    """Return what the user said, as the text that a digital human has for its intent."""
    return json.dumps([one.get("utterance", "") for one in spoken if one.get("role") == "USER"])
