"""`adabench export RUN...`: the records as one tidy table, or operating points for a tracker."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.selection import Out
from adabench.cli.terminal import talk
from adabench.harness.errors import SelectionError, require

if TYPE_CHECKING:
    from adabench.reports.export.table_files import Form


def command(
    folders: Annotated[list[Path], typer.Argument(help="Run folders.")],
    csv: Annotated[bool, typer.Option("--csv", help="A table of comma-separated values.")] = False,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="A Parquet table; needs the extra parquet and -o.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A list of rows in JSON.")] = False,
    out: Out = None,
    mlflow: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Write operating points to MLflow: a folder or a server."),
    ] = None,
    wandb: Annotated[
        str | None,
        typer.Option(metavar="PROJECT", help="Write operating points to Weights & Biases."),
    ] = None,
) -> None:
    """Export records as one tidy table (CSV, Parquet, JSON), or operating points to a tracker."""
    form = _form(csv, parquet, as_json)
    if out is not None and form is None:
        raise SelectionError("-o names the file of a table.", "Add --csv, --parquet or --json.")
    if form is None and not mlflow and not wandb:
        raise SelectionError(
            "Nothing was asked for.", "--csv, --parquet, --json, --mlflow URI or --wandb PROJECT"
        )
    for name, wanted in (("mlflow", mlflow), ("wandb", wandb)):
        if wanted:
            require(name, extra=name)  # before anything is read
    if mlflow:
        from adabench.reports.export.mlflow_runs import check_mlflow

        check_mlflow(mlflow)
    if form is not None:
        _write_table(folders, form, out)
    for folder in folders if mlflow or wandb else ():
        _track(folder, mlflow, wandb)


def _form(csv: bool, parquet: bool, as_json: bool) -> "Form | None":
    chosen: list[Form] = []
    chosen += ["csv"] if csv else []
    chosen += ["parquet"] if parquet else []
    chosen += ["json"] if as_json else []
    if len(chosen) > 1:
        raise SelectionError("A table has one form.", "Choose --csv, --parquet or --json.")
    return chosen[0] if chosen else None


def _write_table(folders: list[Path], form: "Form", out: Path | None) -> None:
    from adabench.reports.export.table_files import table_bytes, write_table
    from adabench.reports.notebook.run_view import tidy_frame_of

    if form == "parquet" and out is None:
        raise SelectionError("Parquet is no text.", "Say where it goes: -o FILE.parquet")
    content = table_bytes(tidy_frame_of(folders), form)
    if out is None:
        sys.stdout.write(content.decode())
        return
    write_table(out, content)
    print(out)


def _track(folder: Path, mlflow: str | None, wandb: str | None) -> None:
    """Hand a run to the trackers that were asked for."""
    from adabench.harness.analysis.load_run import load_run
    from adabench.reports.export.mlflow_runs import export_to_mlflow
    from adabench.reports.export.tracked_points import run_files, tracked_run
    from adabench.reports.export.wandb_runs import export_to_wandb
    from adabench.reports.report.write import render_page

    findings = load_run(folder)
    told = tracked_run(findings)
    with run_files(findings, render_page([findings], [folder])) as files:
        if mlflow:
            count = export_to_mlflow(told, files, mlflow)
            talk(f"{folder}: operating points written to MLflow at {mlflow}: {count}")
        if wandb:
            count = export_to_wandb(told, files, wandb)
            talk(f"{folder}: operating points written to the W&B project {wandb}: {count}")
