"""Keep the custom metrics of an agent as a file describes them, and report how its conversations did.

    BLUEJAY_API_KEY=… python metrics.py --agent-id 1 metrics.json

The file has a list of metrics as Bluejay describes them, each with a name of its own. A metric that is new is created,
one that differs is changed, and one that is no longer there is deleted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from monitoring import Bluejay


def existing(bluejay: Bluejay, agent_id: int) -> dict[str, dict[str, Any]]:
    """Return the metrics of an agent by their names, page by page."""
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = bluejay("GET", "metrics", agent_id=agent_id, page=page, page_size=50)
        found += answer["metrics"]
        if page >= answer["total_pages"]:
            return {one["name"]: one for one in found}
        page += 1


def synchronize(bluejay: Bluejay, agent_id: int, wanted: list[dict[str, Any]]) -> Counter[str]:
    """Make the metrics of an agent those that are wanted. Returns how many were created, changed, kept and deleted."""
    there, done = existing(bluejay, agent_id), Counter[str]()
    new = [{**one, "agent_ids": [agent_id]} for one in wanted if one["name"] not in there]
    if new:
        bluejay("POST", "create-metrics", {"metrics": new})
    done["created"] = len(new)
    for one in wanted:
        if (before := there.pop(one["name"], None)) is None:
            continue
        changed = {name: value for name, value in one.items() if before.get(name) != value}
        if changed:
            bluejay("PUT", f"update-metric/{before['id']}", changed)
        done["changed" if changed else "kept"] += 1
    if there:
        bluejay("POST", "delete-metrics", {"custom_metric_ids": [one["id"] for one in there.values()]})
    done["deleted"] = len(there)
    return done


def report(bluejay: Bluejay, agent_id: int) -> dict[str, dict[str, int]]:
    """Count the values of each metric over all conversations of an agent."""
    answer = bluejay("GET", "observability/conversations", agent_ids=[str(agent_id)], group_by="metric_value")
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for group in answer["groups"]:
        counts[group["metric"]][group["value"]] = group["count"]
    return dict(counts)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path, help="a JSON file of metrics")
    parser.add_argument("--agent-id", type=int, required=True)
    given = parser.parse_args(arguments)
    bluejay = Bluejay()
    done = synchronize(bluejay, given.agent_id, json.loads(given.metrics.read_text()))
    print(", ".join(f"{count} {what}" for what, count in done.items()))
    for metric, values in sorted(report(bluejay, given.agent_id).items()):
        print(f"{metric}: {', '.join(f'{value} {count} times' for value, count in values.items())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
