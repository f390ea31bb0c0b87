"""What a site says to programs: the index and every history as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from adabench.harness.history.archive import plain
from adabench.reports.site.model import Site, method_file, run_file


def index_json(site: Site) -> bytes:
    """Return what the index says, for programs."""
    where = {run.id: i for i, group in enumerate(site.machines) for run in group}
    runs = [
        {"id": run.id, "name": run.name, "started": run.started, "machine": where[run.id],
         "commit": (run.manifest.get("environment") or {}).get("git_commit"),
         "dirty": (run.manifest.get("environment") or {}).get("git_dirty"),
         "page": run_file(run.id), "data": f"data/runs/{run.id}/"}
        for run in site.runs
    ]  # fmt: skip
    methods = {
        address: {"page": method_file(address), "gap": site.gaps.get(address)}
        for address in site.addresses
    }
    claims = [site.claims[key] for key in sorted(site.claims)]
    return _bytes({"title": site.title, "runs": runs, "methods": methods, "claims": claims})


def history_json(site: Site) -> bytes:
    """Return every history, for programs."""
    return _bytes({"series": [asdict(series) for series in site.series]})


def _bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(plain(document), separators=(",", ":"), allow_nan=False).encode() + b"\n"
