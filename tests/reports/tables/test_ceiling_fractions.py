from dataclasses import replace

import pytest

from adabench.harness.analysis.findings import Estimate, Findings, SummaryRow, Tally
from adabench.profilers.hardware.fingerprint import fingerprint
from adabench.profilers.hardware.idle_power import Ceiling
from adabench.profilers.hardware.machine_profile import Profile, to_json
from adabench.profilers.hardware.noise import OtherLoad
from adabench.reports.tables.ceiling_fractions import fractions_sheet

PINNED = Profile(
    replace(fingerprint(), cores=2),
    {"gemm_cpu_float32": Ceiling(1e12, "FLOP/s", 0.02), "launch_cpu": Ceiling(1e-6, "s", 0.1)},
    OtherLoad(0.0, 0.0), 0.0, False,
)  # fmt: skip


def findings(manifest, **metrics):
    estimates = {
        name: Estimate(value, None, None, 3, unit) for name, (value, unit) in metrics.items()
    }
    row = SummaryRow("task", "method", {"knob": 1}, {}, estimates)
    return Findings("run", manifest, {}, {}, Tally(), summary=(row,))


KEPT = {"profile": {"name": "box", "pinned": to_json(PINNED), "differs": []}}


@pytest.mark.parametrize(
    "metrics",
    [
        {"flops": (1e9, "FLOP")},
        {"flops_counted": (1e7, "FLOP/token"), "tokens": (100.0, "tokens")},
    ],
)
def test_operations_per_second_over_the_rate_of_the_machine(metrics):
    sheet = fractions_sheet(findings(KEPT, latency_s=(0.01, "s"), **metrics))
    [row] = sheet.rows
    assert row[2].value == pytest.approx(1e9 / 0.01 / 1e12)
    assert row[3].text == "gemm_cpu_float32"
    assert "box" in sheet.caption


def test_without_a_profile_or_without_counted_operations_there_is_no_table():
    assert not fractions_sheet(findings({}, latency_s=(1.0, "s"), flops=(1.0, "FLOP"))).rows
    assert not fractions_sheet(findings(KEPT, latency_s=(1.0, "s"))).rows
