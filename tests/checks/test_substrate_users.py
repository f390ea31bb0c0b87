"""Substrate that one method uses belongs to that method."""

from collections.abc import Callable, Mapping

from checks.substrate_users import offences
from checks.tree import Tree

Product = Callable[[Mapping[str, str]], Tree]
TASK = "workloads/algorithms/paging"
IMPORT = f"from adabench.{TASK.replace('/', '.')}.substrate import replay\n"


def test_substrate_with_one_user_is_reported(product: Product) -> None:
    (found,) = offences(product({f"{TASK}/task.py": "CARD = Card('paging')\n"}))
    assert found.where == f"{TASK}/substrate/replay.py"
    assert f"{TASK}/methods/lru.py alone uses it. Put it beside that method" in found.says


def test_substrate_that_another_method_or_the_task_uses_passes(product: Product) -> None:
    deep = f"from adabench.{TASK.replace('/', '.')}.substrate import deep\n"
    for planted in (
        {f"{TASK}/methods/fifo.py": IMPORT + "CARD = Card('FIFO', role='static')\n"},
        {},
        {
            f"{TASK}/methods/fifo.py": deep + "CARD = Card('FIFO', role='static')\n",
            f"{TASK}/substrate/deep.py": IMPORT,
        },
    ):
        alone = {f"{TASK}/task.py": "CARD = Card('paging')\n"} if planted else {}
        where = {found.where for found in offences(product({**alone, **planted}))}
        assert f"{TASK}/substrate/replay.py" not in where
