"""The first screen: where it was measured, what may be trusted of it, the answers, the frontiers, a table.

Each task has one sentence and one small plot beside each other; both are plain HTML and need no script.
"""

from collections.abc import Mapping
from html import escape

from adabench.harness.analysis.findings import Findings
from adabench.reports import shown_points
from adabench.reports.figures.small_plot import small_plot
from adabench.reports.number_format import quantity
from adabench.reports.report import board, task_answer
from adabench.reports.report.markup import name, number

LONGEST = 400
"""Letters of a part of a sentence: no method of ours has so long a name."""
SIGNS = {"good": "✓", "fair": "~", "bad": "✗", "mute": "–"}


def front_page(findings: Findings, prefix: str, links: Mapping[str, str]) -> str:
    """Return the first screen; `links` are the ids of what each task's name leads to."""
    return "\n".join(
        [
            f'<p class="lead">{lead(findings)}</p>',
            trust_strip(findings),
            answers(findings, {task: f"#{target}" for task, target in links.items()}),
            board.board(findings, prefix),
        ]
    )


def lead(findings: Findings) -> str:
    """Say in one line on which machine, when and how much was run."""
    tally, told = findings.tally, findings.manifest.get("environment") or {}
    parts = [
        machine(told),
        str(findings.manifest.get("started", ""))[:16].replace("T", " "),
        _some(len(findings.method_cards), "method"),
        _some(tally.cells, "configuration"),
        _some(len(tally.seeds), "seed"),
        f"scale {', '.join(tally.scales)}" if set(tally.scales) - {"embedded"} else "",
    ]
    return escape(" · ".join(part for part in parts if part))


def machine(told: object) -> str:
    """Return the machine in a few words: processor, cores, memory, GPUs."""
    if not isinstance(told, Mapping):
        return ""
    cpu, cores, memory, gpus = (told.get(k) for k in ("cpu_model", "cores", "memory_bytes", "gpus"))
    known = [str(gpu) for gpu in gpus] if isinstance(gpus, list | tuple) else []
    parts = [
        str(cpu)[:60] if cpu else "",
        _some(cores, "core") if isinstance(cores, int) else "",
        quantity(memory, "B") if isinstance(memory, int | float) else "",
        ", ".join(known)[:60] if known else ("no GPU" if cpu else ""),
    ]
    return ", ".join(part for part in parts if part)


def _some(count: int, one: str) -> str:
    return f"{count:,} {one if count == 1 else one + 's'}" if count else ""


def trust_strip(findings: Findings) -> str:
    """Return what may be trusted of quality, time and energy; the reasons stand with the machine."""
    items = "".join(
        f'<li class="{one.state}" title="{escape(one.why)}"><span aria-hidden="true">'
        f"{SIGNS[one.state]}</span> <b>{one.kind}</b> {escape(one.word)}</li>"
        for one in task_answer.trust(findings)
    )
    return f'<ul class="trust" aria-label="What may be trusted">{items}</ul>'


def answers(findings: Findings, links: Mapping[str, str], level: str = "h2") -> str:
    """Return the sentence and the small plot of every task; `links` are targets, by task."""
    cells = [answer(findings, task, links.get(task, ""), level) for task in _tasks(findings)]
    if not cells:
        return '<p class="note">Nothing was recorded.</p>'
    return f'<div class="answers">{"".join(cells)}</div>{KEY}'


KEY = (
    '<p class="note key"><i class="best"></i> best adaptive <i class="oracle"></i> oracle '
    '<i class="static"></i> best static <i class="control"></i> random control '
    '<i class="mixed"></i> static mixture <i class="other"></i> others. '
    "Arrows say which way is better.</p>"
)


def _tasks(findings: Findings) -> list[str]:
    recorded = {row.task for row in findings.summary}
    return [task for task in shown_points.tasks(findings) if task in recorded]


def answer(findings: Findings, task: str, link: str, level: str = "h2") -> str:
    """Return one task: its name, its sentence, its small plot."""
    title = name(task, 60)
    shown = f'<a href="{escape(link)}">{title}</a>' if link else title
    said = "".join(
        f"<bdi>{escape(part[:LONGEST])}</bdi>"
        if isinstance(part, str)
        else number(part.value or 0.0, part.text, part.ref)
        for part in task_answer.sentence(findings, task)
    )
    plot = small_plot(findings, task)
    drawn = plot or '<p class="note">Quality and work were not both recorded: no frontier.</p>'
    return (
        f'<section class="answer"><{level}>{shown}</{level}><p class="says">{said}</p>'
        f"<figure>{drawn}</figure></section>"
    )
