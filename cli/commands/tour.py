"""`adabench tour`: what `adabench run` does without a selection."""

from adabench.cli.commands import run
from adabench.cli.selection import AsJson, Out


def command(out: Out = None, report: run.Report = True, as_json: AsJson = False) -> None:
    """Run three tasks in a minute, offline and without a GPU, and show what came of it."""
    run.command(out=out, report=report, as_json=as_json)
