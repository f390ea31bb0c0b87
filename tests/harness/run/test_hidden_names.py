"""Names that no source of a method may have, and names that it may."""

import ast

import pytest

from adabench.harness.run.guards.hidden_names import hidden_names


def names_in(text: str, package: str = "shop") -> list[tuple[int, str]]:
    return list(hidden_names(ast.parse(text), package))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("shop._days", "_days"),
        ("shop.days._first", "_first"),
        ("shop()._days", "_days"),
        ("shop._days = 1", "_days"),
        ("shop._Shop__days", "_Shop__days"),
        ("self._days", "_days"),
        ("super()._days", "_days"),
        ("shop.__dict__", "__dict__"),
        ("self.__dict__", "__dict__"),
        ("vars(shop)", "vars"),
        ("look = vars", "vars"),
        ("eval('shop')", "eval"),
        ("__import__('gc')", "__import__"),
        ("__builtins__['vars']", "__builtins__"),
        ("import gc", "gc"),
        ("import inspect as i", "inspect"),
        ("from inspect import getmembers", "inspect"),
        ("import ctypes.util", "ctypes.util"),
        ("from builtins import vars as v", "builtins"),
        ("getattr(shop, '_days')", "_days"),
        ("getattr(shop, name)", "getattr"),
        ("getattr(shop, 'da' + 'ys')", "getattr"),
        ("look = getattr", "getattr"),
        ("setattr(shop, '_days', 1)", "_days"),
        ("operator.attrgetter('_days')", "_days"),
        ("attrgetter('days._first')(shop)", "_first"),
        ("attrgetter('name', '__dict__')", "__dict__"),
        ("attrgetter(name)", "attrgetter"),
        ("operator.methodcaller('_open')", "_open"),
        ("from operator import attrgetter as get", "attrgetter"),
        ("look = operator.attrgetter", "attrgetter"),
        ("solve.__closure__[0].cell_contents", "__closure__"),
        ("cell.cell_contents", "cell_contents"),
        ("shop.run.__func__", "__func__"),
        ("shop.run.__globals__", "__globals__"),
        ("object.__getattribute__(shop, 'days')", "__getattribute__"),
        ("object.__setattr__(shop, 'days', 1)", "__setattr__"),
        ("change = object.__setattr__", "__setattr__"),
        ("shop.run.__code__", "__code__"),
        ("replace(shop, _days=1)", "_days"),
        ("sys._getframe()", "_getframe"),
        ("frame.f_back", "f_back"),
        ("from shop.engine import _ledger", "_ledger"),
        ("from .engine import _ledger", "_ledger"),
        ("from adabench.harness import _x", "_x"),
        ("'{0._days}'.format(shop)", "_days"),
        ("f'{shop._days}'", "_days"),
        ("match shop:\n    case Shop(_days=x): pass", "_days"),
    ],
)
def test_what_is_hidden_is_found(line: str, name: str) -> None:
    assert name in [one for _, one in names_in(f"first = 1\n{line}\n")]
    assert {at for at, _ in names_in(f"first = 1\n{line}\n")} <= {2, 3}


@pytest.mark.parametrize(
    "text",
    [
        "shop.days",
        "_days = 1\nprint(_days)",
        "_, x = pair",
        "shop.__class__.__name__",
        "class A:\n    _x: int\n    def f(self): return self._x + self._g()\n    def _g(self): pass",
        "class A:\n    def __init__(self): self._x = 1\n    def f(self): return self._x",
        "class A(B):\n    def __init__(self): super().__init__()",
        "class A:\n    def _f(self): pass\n    def g(self): return super()._f()",
        "class A:\n    def p(self): object.__setattr__(self, '_x', 1)\n    def f(self): self._x",
        "import torch\ntorch._dynamo.reset()",
        "import torch\ntorch.nn._reduction",
        "from torch._dynamo import reset",
        "pair._replace(a=1)",
        "getattr(shop, 'days', 0)",
        "operator.attrgetter('days', 'hours')",
        "hasattr(shop, name)",
        "'{shop} _days {x.days}'",
        "import sys\nsys.maxsize",
    ],
)
def test_what_is_a_method_s_own_or_public_is_not(text: str) -> None:
    assert names_in(text) == []


def test_a_package_of_the_task_is_no_library() -> None:
    text = "from shop import engine\nengine._ledger\n"
    assert names_in(text, "shop") == [(2, "_ledger")]
    assert names_in(text, "other") == []
