"""What a reader runs to see a paper's claims judged: `commands` of its file.

A claim is judged within one run. Where claims of a paper stand under conditions that exclude each other, there is a
command for each; a test sees to it that together they leave no published claim of the paper "not run".
What they show is recorded under a name of its own (`make results ARGS=chain_arbitrage`).
"""

import shlex

from adabench.harness.contract.papers import Paper

SEVERAL = " Each command is a run, and a claim is judged by the run that holds all that it needs."


def section(paper: Paper) -> list[str]:
    """Return the part of a paper's page with its commands."""
    several = SEVERAL if len(paper.commands) > 1 else ""
    shorter = f"adabench reproduce {paper.slug}"
    if not paper.commands:
        return ["## Run it yourself", f"What the published claims need.\n\n```\n{shorter}\n```"]
    block = "\n".join(paper.commands)
    intro = (
        f"What the published claims need and no more.{several} `{shorter}` runs them one by one."
    )
    return ["## Run it yourself", intro, f"```\n{block}\n```"]


def recordings(paper: Paper) -> dict[str, tuple[str, ...]]:
    """Return what `adabench run` is given for each recorded run of a paper, by its name.

    One that runs a whole task is that task's own recorded run, and has no other name, unless it sweeps conditions.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in paper.commands:
        _, _, *words = shlex.split(line)
        task, _, rest = words[0].partition("/")
        if rest == "*" and "--sweep" not in words:
            continue
        name = f"{task}_{paper.slug.replace('-', '_')}"
        found[name if name not in found else f"{name}_{len(found) + 1}"] = tuple(words)
    return found
