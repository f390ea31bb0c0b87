"""Constructions are read from the packed form and from a notebook, and a broken file is refused in a sentence.

Those of AlphaEvolve are not in the project: the tests that verify them look for the file beside the checkout, or where
ADABENCH_CONSTRUCTIONS says.
"""

import gzip
import json
import os
from pathlib import Path

import pytest

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.discovery.task import ENVIRONMENT, load
from adabench.workloads.algorithms.discovery.truth.published_constructions import read_constructions
from tests.workloads.algorithms.discovery.test_exact_verifiers import strassen

BESIDE = Path(__file__).parents[4].parent / "shared" / "data" / "alphaevolve-published.json.gz"
ZERO = [[0] * 7] * 4
PACKED = {
    "tensors": {"2x2x2": {"rank": 7, "twice": [{"re": one.tolist()} for one, _ in strassen()]}},
    "other": {"unknown": [1]},
}
FOUR = "[(.25, .25, .25), (.25, .75, .25), (.75, .25, .25), (.75, .75, .25)]"


@pytest.fixture(scope="module")
def published() -> str:
    file = Path(os.environ.get(ENVIRONMENT, BESIDE))
    if not file.is_file():
        pytest.skip(f"no published constructions: set {ENVIRONMENT}")
    return str(file)


@pytest.fixture
def written(tmp_path: Path):
    def write(document, name: str = "found.json") -> str:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return str(tmp_path / name)

    return write


def notebook(text: str, heading: str = "# B.12. Packing") -> dict:
    cells = [
        {"cell_type": "markdown", "source": [heading]},
        {"cell_type": "code", "source": [text]},
    ]
    return {"cells": cells}


def judged(file: str) -> dict[str, dict[str, float]]:
    """Return the values of each construction of a file, by name."""
    task = load("embedded", 0, constructions=file)
    found = {}
    for case in task.cases():
        task.meter.clear()
        found[case.group] = task.score(case, task.known_best(case))
    return found


def test_all_that_was_published_is_verified_and_no_forged_copy_is(published: str):
    found = judged(published)
    assert len(found) == 29
    assert sum(values["verified"] for values in found.values()) == 29
    assert sum(values["refused"] for values in found.values()) == 87
    assert sum(values["accepted"] for values in found.values()) == 0
    assert found["4x4x4"]["rank"] == found["4x4x4"]["one_below_before"] == 48
    assert found["kissing11"]["value"] == 593
    assert not any(values.get("falls_behind") for values in found.values())
    for name, value in (("circles26", 2.6358627564), ("autocorrelation1", 1.5052939685)):
        assert found[name]["value"] == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("name", ["found.json", "found.json.gz"])
def test_a_packed_tensor_is_verified_with_its_forged_copies(written, name):
    found = judged(written(PACKED, name))
    assert (found["2x2x2"]["rank"], found["2x2x2"]["refused"]) == (7, 3)
    assert set(found) == {"2x2x2"}


def test_what_is_no_decomposition_is_read_and_not_verified(written):
    broken = json.loads(json.dumps(PACKED))
    broken["tensors"]["2x2x2"]["twice"][0]["re"] = ZERO
    found = judged(written(broken))["2x2x2"]
    assert (found["unverified"], found["rank"]) == (1, 8)


def test_a_notebook_is_read_by_section_and_variable(written):
    circles = notebook(f"import os\nconstruction_1 = np.array({FOUR})\nother = os.getcwd()")
    (found,) = read_constructions(written(circles, "a.ipynb"))
    assert (found.name, len(found.data)) == ("circles26", 4)
    assert judged(written(circles, "a.ipynb"))["circles26"]["verified"] == 0  # its sum is 1
    factors = ", ".join(f"np.array({(one / 2 + 0j).tolist()})" for one, _ in strassen())
    tensor = written(notebook(f"decomposition_222 = ({factors})", "# Tensors"), "b.ipynb")
    assert judged(tensor)["2x2x2"]["rank"] == 7


@pytest.mark.parametrize(
    "value",
    [
        "__import__('os').system('touch {}')",
        "[open('{}', 'w')]",
        "np.array(make('{}'))",
        "[x for x in y]",
    ],
)
def test_literals_that_call_something_are_refused_and_nothing_runs(written, tmp_path, value):
    mark = tmp_path / "mark"
    with pytest.raises(SelectionError, match="no code is executed"):
        read_constructions(written(notebook(f"construction_1 = {value.format(mark)}"), "a.ipynb"))
    assert not mark.exists()


def _tensor(**changed) -> dict:
    return {"tensors": {"2x2x2": {**PACKED["tensors"]["2x2x2"], **changed}}}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (_tensor(rank=-7), "the rank -7"),
        (_tensor(rank=10**6), "the rank 1000000"),
        (_tensor(twice=[{"re": [[float("nan")] * 7] * 4}] * 3), "not finite"),
        (_tensor(twice=[{"re": [[0.5] * 7] * 4}] * 3), "no half of a whole number"),
        (_tensor(twice=[{"re": [[0] * 6] * 4}] * 3), "no three factors of 7 columns"),
        (_tensor(twice=[{"re": [[0], [0, 1]]}] * 3), "rows of unlike length"),
        (_tensor(twice=3), "no factors"),
        ({"other": {"circles26": [[float("inf")] * 3]}}, "not finite"),
        ({"other": {"circles26": [["a", "b", "c"]]}}, "no number"),
        ({"other": {"sum_difference2003": list(range(10**6))}}, "1,000,000 terms"),
        ({"other": {}}, "no construction that is known"),
        ([], "no `tensors`"),
        (b"{", "no JSON"),
    ],
)
def test_a_broken_file_is_refused_in_a_sentence(written, document, why):
    with pytest.raises(SelectionError, match=why):
        read_constructions(written(document))


def test_a_missing_file_and_a_missing_condition_say_what_to_pass(monkeypatch, tmp_path):
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    with pytest.raises(SelectionError, match="cannot be read"):
        load("embedded", 0, constructions=str(tmp_path / "none.json"))
    with pytest.raises(SelectionError) as raised:
        load("embedded", 0, constructions="published")
    assert "--set constructions=FILE" in raised.value.hint
