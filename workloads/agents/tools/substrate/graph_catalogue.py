"""The graphs of the paper's text and those of its released code, and graphs of a user's own.

    paper   costs of its text: 1 for the first tool of a stage, 2 for the backup; stages from its table of scenarios
    repo    nodes and costs of the released scenarios

What the paper's text leaves open is ours: which tools stand behind "confirm" and "queue" when the first of them is down.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adabench.harness.errors import SelectionError
from adabench.workloads.agents.tools.substrate.tool_graph import Edge, Stage, ToolGraph, layered

_BACKUPS = dict.fromkeys(
    ("razorpay", "sms", "train", "hostel", "bus", "desk", "text", "spam", "hold"), 2.0
)
PAPER: Mapping[str, ToolGraph] = {
    "support": layered("support", "linear", (
        Stage("order", ("lookup",), reads=True),
        Stage("refund", ("stripe", "razorpay")),
        Stage("notice", ("email", "sms")),
    ), _BACKUPS),
    "travel": layered("travel", "dag", (
        Stage("journey", ("flight", "train")),
        Stage("room", ("hotel", "hostel")),
        Stage("ride", ("car", "bus")),
        Stage("ticket", ("confirm", "desk")),
    ), _BACKUPS),
    "moderation": layered("moderation", "fanout", (
        Stage("reading", ("image", "text", "history"), reads=True),
        Stage("verdict", ("toxicity", "spam"), reads=True),
        Stage("entry", ("queue", "hold")),
    ), {**_BACKUPS, "history": 3.0}),
}  # fmt: skip


def _edges(text: str) -> tuple[Edge, ...]:
    """Read edges: `start-end cost`, separated by commas."""
    found = []
    for part in text.split(","):
        nodes, cost = part.split()
        start, _, end = nodes.partition("-")
        found.append((start, end, float(cost)))
    return tuple(found)


REPO: Mapping[str, ToolGraph] = {
    "support": ToolGraph("support", "linear", (
        Stage("order", ("crm",), reads=True),
        Stage("refund", ("stripe", "razorpay")),
        Stage("notice", ("email", "sms")),
    ), _edges(
        "START-crm .1, crm-stripe .3, crm-razorpay .5, stripe-email .3, stripe-sms .4, razorpay-email .3, "
        "razorpay-sms .4, email-GOAL .1, sms-GOAL .1"
    )),
    "travel": ToolGraph("travel", "dag", (
        Stage("journey", ("flight", "train")),
        Stage("room", ("hotel", "hostel")),
        Stage("ride", ("car", "bus")),
        Stage("payment", ("payment",)),
        Stage("ticket", ("confirm",)),
    ), _edges(
        "START-flight .3, START-train .5, flight-hotel .3, flight-hostel .4, train-hotel .3, train-hostel .4, "
        "hotel-car .3, hotel-bus .4, hostel-car .4, hostel-bus .3, car-payment .2, bus-payment .2, "
        "payment-confirm .1, confirm-GOAL 0"
    )),
    "moderation": ToolGraph("moderation", "fanout", (
        Stage("reading", ("text", "image", "video"), reads=True),
        Stage("verdict", ("toxicity",), reads=True),
        Stage("entry", ("human", "auto")),
    ), _edges(
        "START-text .2, START-image .3, START-video .5, text-toxicity .2, image-toxicity .3, video-toxicity .4, "
        "toxicity-human .5, toxicity-auto .2, human-GOAL .1, auto-GOAL .1"
    )),
}  # fmt: skip


def read_graph(path: Path) -> ToolGraph:
    """Read a graph of a user's own.

        {"domain": "shop", "stages": [{"title": "order", "tools": ["db"], "reads": true}, ...],
         "edges": [["START", "db", 1.0], ...]}

    Without edges every tool leads to every one of the next stage, and each further tool of a stage costs one more.

    Raises:
        SelectionError: if there is no such file, or it is no graph.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return _graph(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise SelectionError(
            f"{path} holds no graph of tools ({type(problem).__name__}: {problem}).",
            'Write {"domain": "shop", "stages": [{"title": "order", "tools": ["db"]}]}, with "edges" if '
            "costs differ.",
        ) from problem


def _graph(found: Mapping[str, Any]) -> ToolGraph:
    stages = tuple(
        Stage(str(one["title"]), tuple(map(str, one["tools"])), bool(one.get("reads", False)))
        for one in found["stages"]
    )
    domain = str(found["domain"])
    if "edges" not in found:
        costs = {tool: 1.0 + n for stage in stages for n, tool in enumerate(stage.tools)}
        return layered(domain, "linear", stages, costs)
    edges = tuple((str(start), str(end), float(cost)) for start, end, cost in found["edges"])
    return ToolGraph(domain, "linear", stages, edges)
