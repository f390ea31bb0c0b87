"""A trace as files: its roofline and its table, beside what the profiler wrote."""

import json
from dataclasses import replace
from pathlib import Path

from adabench.harness.run.case_trace import CaseTrace, write_or_refuse
from adabench.reports.figures.roofline import save_roofline


def write_trace_files(trace: CaseTrace) -> CaseTrace:
    """Write the picture and the tables into the trace's folder; return the trace that names them.

    Raises:
        StoreError: if the folder cannot be written.
    """
    return write_or_refuse(trace.folder, lambda: _write(trace))


def _write(trace: CaseTrace) -> CaseTrace:
    pictures: list[Path] = []
    if trace.roof:
        words = trace.cell.address, trace.setting
        pictures = save_roofline(trace.trace, trace.roof, *words, trace.folder)
    table = trace.folder / "trace_table.json"
    complete = replace(trace, files=(*trace.files, *pictures, table))
    table.write_text(json.dumps(complete.to_json(), indent=1), encoding="utf-8")
    return complete
