import subprocess
import sys

import pytest

from adabench.profilers.energy.provenance import label_of
from adabench.profilers.energy.tdp_estimate import TdpModel

BUSY = "import time\nwhile time.process_time() < 0.1: pass"


def test_the_model_counts_processor_seconds_and_says_how_bad_it_is():
    model = TdpModel(watts_per_core=3.0)
    assert model.joules((0, 0), (2 * 10**9, 2 * 10**9)) == pytest.approx(6.0)
    assert label_of(model.kind) == "estimated"
    assert model.u_rel == 0.5
    before = model.counts()
    sum(range(200_000))
    assert model.joules(before, model.counts()) > 0


def test_children_cost_energy_too_and_a_child_that_was_lost_gives_nothing_back():
    model = TdpModel(watts_per_core=3.0)
    before = model.counts()
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert model.joules(before, model.counts()) >= 0.09 * 3.0
    assert model.joules((2 * 10**9, 2 * 10**9), (10**9, 10**9)) == 0.0
