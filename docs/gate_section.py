"""The part of a task's page that says whether its claims have room: its gates, above all verdicts."""

from collections.abc import Sequence

from adabench.harness.contract.card import Card
from adabench.harness.contract.task_gates import GateRow
from docs.markdown_table import cell, table, value

WHAT = (
    "What development cases must show before a published claim is tested here ([what gates are](../concepts/gates.md)). "
    "`adabench check {task} --gates` measures them anew."
)
FAILED = (
    "**{task} fails {names}.** Published claims that rest on {it} and were tested under these conditions read "
    "`not testable here: no room`, whatever was measured."
)


def section(task: str, card: Card) -> list[str]:
    """Return the gates of a task with their figures; nothing where its card declares none."""
    if not card.gates:
        return []
    head = ["## Gates", WHAT.format(task=task)]
    if not card.shown:
        return [*head, "They were not measured yet, and close no claim."]
    failed = list(
        dict.fromkeys(f"the gate {row.name}" for row in card.shown if row.word == "fails")
    )
    said = FAILED.format(
        task=task, names=" and ".join(failed), it="it" if len(failed) == 1 else "them"
    )
    lines = [_line(row, card) for row in card.shown]
    heads = ("gate", "answer", "figure", "bar", "cases", "what was seen", "where")
    return [*head, *([said] if failed else []), table(heads, lines)]


def _line(row: GateRow, card: Card) -> str:
    figure = "–" if row.figure is None else f"{row.figure:.3f}{_ends(row)}"
    bar = "–" if row.bar is None else f"{row.bar:g}"
    words = f"**{row.word}**" if row.word == "fails" else row.word
    cells = (
        row.name,
        words,
        figure,
        bar,
        f"{row.n:,}" if row.n else "–",
        row.says,
        _where(row, card),
    )
    return f"| {' | '.join(map(cell, cells))} |"


def _ends(row: GateRow) -> str:
    return "" if row.low is None or row.high is None else f" [{row.low:.3f}, {row.high:.3f}]"


def _where(row: GateRow, card: Card) -> str:
    """Return the conditions that are not at their defaults."""
    apart = {name: at for name, at in row.at.items() if at != card.defaults.get(name)}
    return ", ".join(f"`{name}` {value(at)}" for name, at in apart.items()) or "its defaults"


def names_of(rows: Sequence[GateRow]) -> str:
    """Return the gates that fail, for a list of tasks; `passes` where all do that apply, a dash where none was measured."""
    failed = dict.fromkeys(row.gate for row in rows if row.word == "fails")
    if failed:
        return f"**fails {', '.join(failed)}**"
    return "passes" if any(row.word == "passes" for row in rows) else "–"
