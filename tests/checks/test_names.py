"""Names of modules."""

from collections.abc import Callable

import pytest

from checks.names import offences
from checks.tree import Tree

Product = Callable[[dict[str, str]], Tree]
TASK = "workloads/algorithms/paging"


@pytest.mark.parametrize(
    ("planted", "check", "word"),
    [
        ({"harness/store/kept.py": ""}, "empty-name", "noun"),
        ({"harness/store/which.py": ""}, "empty-name", "noun"),
        ({"harness/store/utils.py": ""}, "empty-name", "noun"),
        ({"cli/select.py": ""}, "taken-name", "standard library"),
        ({"harness/gate/session.py": "", "harness/run/session.py": ""}, "repeated-name",
         "harness/gate/session.py"),
        ({f"{TASK}/substrate/cache.py": "", f"{TASK}/truth/cache.py": ""}, "repeated-name",
         "of its own"),
        ({"cli/a.py": "from adabench.harness.contract.card import _secret\n"}, "private-name",
         "_secret"),
    ],
)  # fmt: skip
def test_a_bad_name_is_reported(
    product: Product, planted: dict[str, str], check: str, word: str
) -> None:
    [found] = offences(product(planted))
    assert found.check == check
    assert word in found.says


@pytest.mark.parametrize(
    "planted",
    [
        {"cli/commands/trace.py": ""},
        {f"{TASK}/substrate/cache.py": "", "workloads/algorithms/mip/substrate/cache.py": ""},
        {f"{TASK}/methods/belady.py": "CARD = Card('x')\n", f"{TASK}/truth/belady.py": ""},
        {"workloads/algorithms/mip/task.py": "", f"{TASK}/recipes.py": ""},
        {"harness/stats/trimmed_mean.py": "", "harness/store/derived_files.py": ""},
        {"cli/a.py": "from adabench.harness.contract.card import __doc__\n"},
    ],
)
def test_a_good_name_passes(product: Product, planted: dict[str, str]) -> None:
    assert list(offences(product(planted))) == []
