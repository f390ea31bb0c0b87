"""Long runs on the instances of `mip`: the best values known, with their dual bounds.

    .venv/bin/pip install 'adabench[milp]'
    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/mip_known.py --seconds 600 --seeds 0..1 \
        --out workloads/algorithms/mip/truth/known.json

For each family and seed SCIP has the whole program for `--seconds`, then `--lns` seconds go to one
neighbourhood alone (mutation_50, the card's best on set cover). The better solution is kept, tested
for feasibility apart from the solver, and so is SCIP's dual bound. What the file holds already is
kept where it is better, so that runs add up. These are bounds, not timings: a busy machine makes
them weaker and not wrong.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adabench.workloads.algorithms.mip.methods import single_arm
from adabench.workloads.algorithms.mip.substrate.instance_families import FAMILIES, generate
from adabench.workloads.algorithms.mip.substrate.mip import Mip
from adabench.workloads.algorithms.mip.substrate.program import FEASIBLE, Program, file_of
from adabench.workloads.algorithms.mip.truth.known_bounds import KnownBounds

ARM = {"arm": "mutation_50"}
SHOWN = 6
"""Decimals that are kept of a value; the auction's prices have three."""


@dataclass(frozen=True)
class Found:
    """What a long run came to."""

    objective: float
    dual_bound: float
    by: str


def whole(program: Program, seconds: float) -> Found:
    """Solve a program with SCIP's defaults and return its best solution and its bound."""
    from pyscipopt import Model

    model: Any = Model()
    model.hideOutput()
    model.readProblem(str(file_of(program)))
    model.setParam("timing/clocktype", 1)  # CPU: pauses of the machine do not count
    model.setParam("limits/time", seconds)
    model.optimize()
    by_name = {variable.name: variable for variable in model.getVars()}
    best = model.getBestSol()
    x = np.array([model.getSolVal(best, by_name[f"x{j}"]) for j in range(len(program.cost))])
    x[program.whole] = np.round(x[program.whole])
    if program.violation(x) > FEASIBLE:
        raise SystemExit(f"SCIP's solution of {program.group} {program.seed} is not feasible")
    return Found(program.objective(x), float(model.getDualbound()), "scip")


def explored(program: Program, seconds: float) -> float:
    """Return the best objective of one neighbourhood's search; the task tests it."""
    task = Mip((program,), KnownBounds(), seconds)
    return task.score(program, single_arm.solve(task, program, ARM))["objective"]


def better(program: Program, seconds: float, lns: float, before: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of a program: the best of what was known and of new runs."""
    found = whole(program, seconds)
    objective, by = found.objective, found.by
    closed = objective - found.dual_bound <= 1e-6 * max(abs(objective), 1.0)
    if lns > 0 and not closed:
        other = explored(program, lns)
        objective, by = (other, "mutation_50") if other < objective else (objective, by)
    if before and before["objective"] <= objective:
        objective, by = before["objective"], before["by"]
    bound = max(found.dual_bound, before.get("dual_bound", -np.inf))
    return {
        "family": program.group,
        "seed": program.seed,
        "objective": round(objective, SHOWN),
        "dual_bound": float(np.floor(min(bound, objective) * 10**SHOWN) / 10**SHOWN),
        "by": by,
        "seconds": max(seconds, before.get("seconds", 0.0)),
    }


def main() -> None:
    """Run on the families and seeds that were asked for; the file is written after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--lns", type=float, default=0.0)
    parser.add_argument("--seeds", default="0..1")
    parser.add_argument("--families", nargs="*", default=list(FAMILIES))
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    first, _, last = asked.seeds.partition("..")
    known = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else {}
    for seed in range(int(first), int(last or first) + 1):
        for family in asked.families:
            program = generate(family, "full", seed)
            before = known.get(program.digest, {})
            known[program.digest] = better(program, asked.seconds, asked.lns, before)
            ordered = sorted(known.items(), key=lambda item: (item[1]["family"], item[1]["seed"]))
            asked.out.write_text(json.dumps(dict(ordered), indent=1) + "\n", encoding="utf-8")
            print(json.dumps(known[program.digest]), flush=True)


if __name__ == "__main__":
    main()
