"""What a method may import follows from its place and its role."""

from collections.abc import Callable

import pytest

from checks.fairness import offences
from checks.tree import Tree

Product = Callable[[dict[str, str]], Tree]
TASK = "workloads/algorithms/paging"
HERE = "adabench.workloads.algorithms.paging"
TRUTH = f"from {HERE}.truth import optimum\n"
OTHER = {f"{TASK}/methods/ets/ets.py": "CARD = Card('ETS')\n", f"{TASK}/methods/ets/part.py": ""}


def card(role: str) -> str:
    return f"CARD = Card('x', role='{role}')\n"


@pytest.mark.parametrize("role", ["static", "adaptive", "control"])
def test_a_method_that_imports_truth_is_reported(product: Product, role: str) -> None:
    [found] = offences(product({f"{TASK}/methods/x.py": TRUTH + card(role)}))
    assert found.check == "truth"
    assert f"{TASK}/methods/x.py:1 imports {TASK}/truth/optimum.py" in found.says
    assert 'role="oracle"' in found.says


def test_a_part_of_a_method_has_the_role_of_its_method(product: Product) -> None:
    files = {f"{TASK}/methods/x/part.py": TRUTH}
    [found] = offences(product(files | {f"{TASK}/methods/x/x.py": card("adaptive")}))
    assert found.where.startswith(f"{TASK}/methods/x/part.py")
    assert list(offences(product(files | {f"{TASK}/methods/x/x.py": card("oracle")}))) == []


def test_a_module_named_in_a_string_counts(product: Product) -> None:
    text = f"CARD: Card = Card('x')\nhidden = import_module('{HERE}.truth.optimum')\n"
    [found] = offences(product({f"{TASK}/methods/x.py": text}))
    assert found.check == "truth"


def test_an_import_inside_a_function_counts(product: Product) -> None:
    text = f"{card('static')}def solve():\n    {TRUTH}"
    [found] = offences(product({f"{TASK}/methods/x.py": text}))
    assert found.check == "truth"


@pytest.mark.parametrize(
    "place", [f"{TASK}/substrate/x.py", f"{TASK}/recipes.py", "workloads/shared/x.py",
              "workloads/algorithms/mip/task.py"],
)  # fmt: skip
def test_truth_does_not_leak_through_others(product: Product, place: str) -> None:
    [found] = offences(product({place: TRUTH}))
    assert found.check == "truth"
    assert "through it methods could see it too" in found.says


@pytest.mark.parametrize(
    "name", ["conformance.py", "drawing.py", "truth/more.py", "training/fit.py"]
)
def test_the_scorers_side_may_see_truth(product: Product, name: str) -> None:
    assert list(offences(product({f"{TASK}/{name}": TRUTH}))) == []


def test_what_a_family_knows_of_truth_may_build_on_itself(product: Product) -> None:
    family, text = (
        "workloads/algorithms",
        "from adabench.workloads.algorithms.truth import optima\n",
    )
    planted = {f"{family}/truth/optima.py": "", f"{family}/truth/more.py": text}
    assert list(offences(product(planted))) == []
    [found] = offences(product(planted | {f"{family}/substrate/more.py": text}))
    assert found.where.startswith(f"{family}/substrate/more.py")


@pytest.mark.parametrize("role", ["static", "adaptive"])
def test_a_part_of_another_method_is_foreign(product: Product, role: str) -> None:
    text = f"from {HERE}.methods.ets import part\n" + card(role)
    [found] = offences(product(OTHER | {f"{TASK}/methods/x.py": text}))
    assert found.check == "sibling"
    assert "Move what both need to substrate/" in found.says


@pytest.mark.parametrize("role", ["control", "oracle"])
def test_a_control_and_an_oracle_may_be_a_twin_of_another(product: Product, role: str) -> None:
    text = f"from {HERE}.methods.ets import part\n" + card(role)
    assert list(offences(product(OTHER | {f"{TASK}/methods/x.py": text}))) == []


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (f"{TASK}/task.py", f"{HERE}.task"),
        ("harness/run/execute.py", "adabench.harness.run.execute"),
        ("workloads/moe/substrate/experts.py", "adabench.workloads.moe.substrate.experts"),
        ("workloads/algorithms/mip/substrate/lns.py", "adabench.workloads.algorithms.mip.substrate.lns"),
        ("cli/main.py", "adabench.cli.main"),
        ("kernels/dispatch.py", "adabench.kernels.dispatch"),
        (f"{TASK}/training/fit.py", f"{HERE}.training.fit"),
    ],
)  # fmt: skip
def test_what_is_not_given_to_every_method_is_foreign(
    product: Product, place: str, name: str
) -> None:
    planted = {place: "", f"{TASK}/methods/x.py": f"import {name}\n{card('oracle')}"}
    [found] = offences(product(planted))
    assert found.check == "foreign"
    assert place in found.says


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("harness/contract/record.py", "adabench.harness.contract.record"),
        ("harness/errors.py", "adabench.harness.errors"),
        ("workloads/shared/training/checkpoints.py", "adabench.workloads.shared.training.checkpoints"),
        ("workloads/algorithms/substrate/grid.py", "adabench.workloads.algorithms.substrate.grid"),
        (f"{TASK}/substrate/deep/cache.py", f"{HERE}.substrate.deep.cache"),
        (f"{TASK}/checkpoints.py", f"{HERE}.checkpoints"),
        (f"{TASK}/methods/x/part.py", f"{HERE}.methods.x.part"),
    ],
)  # fmt: skip
def test_what_every_method_gets_is_fair(product: Product, place: str, name: str) -> None:
    planted = {place: "", f"{TASK}/methods/x/x.py": f"import {name}\n{card('adaptive')}"}
    assert list(offences(product(planted))) == []


def test_a_method_of_a_family_gets_the_familys_substrate_and_no_tasks(product: Product) -> None:
    text = (
        "from adabench.workloads.algorithms.substrate import grid\n"
        f"from {HERE}.substrate import replay\n{card('adaptive')}"
    )
    planted = {"workloads/algorithms/substrate/grid.py": "",
               "workloads/algorithms/methods/x.py": text}  # fmt: skip
    [found] = offences(product(planted))
    assert found.where.endswith(f"::{TASK}/substrate/replay.py")
