"""What nothing reaches is reported; what is found without an import is not."""

from collections.abc import Callable

import pytest

from checks.reachability import offences
from checks.tree import Tree

Product = Callable[[dict[str, str]], Tree]


def test_a_clean_product_is_all_reached(product: Product) -> None:
    assert list(offences(product({}))) == []


def test_a_planted_module_is_reported_with_a_remedy(product: Product) -> None:
    [found] = offences(product({"harness/stats/front_bands.py": "x = 1\n"}))
    assert found.where == "harness/stats/front_bands.py"
    assert "is reached from no verb" in found.says
    assert "delete it" in found.says


def test_a_module_that_only_unreached_ones_import_is_unreached_too(product: Product) -> None:
    found = offences(product({
        "harness/stats/power.py": "from adabench.harness.stats import effect\n",
        "harness/stats/effect.py": "from adabench.harness.stats import power\n",
    }))  # fmt: skip
    assert [offence.where for offence in found] == [
        "harness/stats/effect.py", "harness/stats/power.py",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "planted",
    [
        {"harness/x.py": "", "cli/commands/trace.py": "def f():\n    import adabench.harness.x\n"},
        {"harness/x.py": "", "cli/commands/trace.py": "from adabench.harness.x import name\n"},
        {"harness/x.py": "", "cli/commands/trace.py": "word = ['-m', 'adabench.harness.x']\n"},
        {"harness/x.py": "", "cli/commands/trace.py": "word = 'adabench.harness.x:name'\n"},
        {"cli/commands/gate.py": "import adabench.cli.gate.worker\n",
         "cli/gate/worker.py": "path = here.with_name('arm.py')\n", "cli/gate/arm.py": ""},
        {"cli/commands/train.py": "import_module(f'{package}.recipes')\n"
                                  "importlib.import_module(f'{package}.recipes')\n",
         "workloads/algorithms/paging/recipes.py": ""},
        {"workloads/shared/tasks.py": "def data(): ...\n",
         "workloads/shared/task.yaml": "dataset: !function adabench.workloads.shared.tasks.data\n"},
        {"workloads/algorithms/paging/data/make_trace.py": "if __name__ == '__main__':\n    go()\n"},
        {"workloads/algorithms/paging/methods/fifo.py": "CARD = Card('FIFO')\n"},
        {"harness/x.py": "", "cli/commands/trace.py": "from ...harness import x\n"},
    ],
)  # fmt: skip
def test_what_is_found_in_another_way_is_reached(product: Product, planted: dict[str, str]) -> None:
    assert list(offences(product(planted))) == []


def test_a_docstring_reaches_nothing(product: Product) -> None:
    text = '"""See adabench.harness.x."""\n'
    [found] = offences(product({"harness/x.py": "", "cli/commands/trace.py": text}))
    assert found.where == "harness/x.py"


def test_a_library_beside_data_is_no_script(product: Product) -> None:
    [found] = offences(product({"workloads/algorithms/paging/data/format.py": "x = 1\n"}))
    assert found.where.endswith("data/format.py")
