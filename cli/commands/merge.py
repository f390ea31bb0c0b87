"""`adabench merge`: parts of one plan joined into one run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adabench.cli.selection import AsJson

if TYPE_CHECKING:
    from adabench.harness.distributed.merge import MergeResult


def command(
    runs: Annotated[list[Path], typer.Argument(help="Runs or shards of one plan.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to; may exist.")],
    as_json: AsJson = False,
) -> None:
    """Join parts of one plan into one run; parts of other plans are refused."""
    from adabench.harness.distributed.merge import merge

    result = merge(runs, out)
    print(json.dumps(document(result)) if as_json else page(result))


def document(result: "MergeResult") -> dict[str, Any]:
    """Return what `merge --json` prints."""
    return {
        "run": str(result.folder),
        "records": result.records,
        "added": result.added,
        "collapsed": result.collapsed,
        "differing": result.differing,
        "unfinished": result.unfinished,
    }


def page(result: "MergeResult") -> str:
    """Return what `merge` prints."""
    lines = [
        f"Records: {result.folder}",
        f"{result.records} records, {result.added} new, {result.collapsed} there more than once.",
    ]
    if result.differing:
        lines.append(f"{result.differing} of these differ in quality or counts; see -v.")
    if result.unfinished:
        lines.append(
            f"{result.unfinished} runs are not finished; go on with: "
            f"adabench run --resume {result.folder}"
        )
    return "\n".join(lines)
