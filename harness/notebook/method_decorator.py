"""`@adabench.method("paging/mine")`: a function of a notebook becomes a method of this process's runs."""

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

from adabench.harness.contract.card import Ability, Card, Claim, Fidelity, Knob, Role, Scalar
from adabench.harness.errors import MethodContractError
from adabench.harness.notebook.method_module import INSTANCE, MethodModule
from adabench.harness.notebook.session_methods import check_address, session_folder
from adabench.harness.notebook.source_text import outer_names, read_source

Defined = TypeVar("Defined", bound=Callable[..., Any])


def method(
    address: str,
    *,
    prepare: Callable[..., Any] | None = None,
    title: str = "",
    role: Role = "adaptive",
    adapts: str = "",
    paper: str = "",
    fidelity: Fidelity = "paper",
    knobs: tuple[Knob, ...] = (),
    claims: tuple[Claim, ...] = (),
    needs: tuple[str, ...] = (),
    abilities: tuple[Ability, ...] = (),
    conditions: Mapping[str, Scalar] | None = None,
    skips_from: str = "",
    oracle: Literal["", "exact", "bound"] = "",
) -> Callable[[Defined], Defined]:
    """Make a function `solve(state, case, point)` a method, or a class with `solve` and `prepare`.

    `prepare(task, point, seed)` returns the state; without it the state is the task itself. The
    other keywords are the card's. The function's text is taken as it is now, with what it uses.

    Raises:
        SelectionError: for an address that is taken, or of no task.
        MethodContractError: for a lambda, a closure, or what uses live objects of this process.
    """
    check_address(address)
    card = Card(
        title, paper=paper, adapts=adapts, role=role, fidelity=fidelity, knobs=tuple(knobs),
        claims=tuple(claims), needs=tuple(needs), abilities=tuple(abilities),
        conditions=dict(conditions or {}), skips_from=skips_from, oracle=oracle,
    )  # fmt: skip

    def register(defined: Defined) -> Defined:
        session_folder().add(address, module_text(address, card, defined, prepare))
        return defined

    return register


def module_text(
    address: str, card: Card, defined: Callable[..., Any], prepare: Callable[..., Any] | None = None
) -> str:
    """Return the text of the module that a function or class, and its `prepare`, become.

    Raises:
        MethodContractError: if they cannot be understood from their text alone.
    """
    module = MethodModule(address, str(defined.__module__))
    ends = [f"{INSTANCE} = {defined.__name__}()"] if isinstance(defined, type) else []
    ends += _take(module, defined, "solve")
    if isinstance(defined, type):
        ends += [f"prepare = {INSTANCE}.prepare"] if hasattr(defined, "prepare") else []
    elif prepare is not None:
        ends += _take(module, prepare, "prepare")
    essay = inspect.getdoc(defined) or card.title or address
    title = card.title or essay.partition("\n")[0].rstrip(".")
    return module.text(replace(card, title=title), essay, ends)


def _take(module: MethodModule, defined: Callable[..., Any], verb: str) -> list[str]:
    """Take a definition into the module, and return the line that gives it the verb's name."""
    names = outer_names(defined)
    name = str(getattr(defined, "__name__", verb))
    if isinstance(defined, type) and not callable(getattr(defined, verb, None)):
        raise MethodContractError(
            f"{name} has no {verb}.", "Give it a `solve(self, state, case, point)`."
        )
    source = read_source(defined, module.address, lambda one: _is_ours(one, module.address, names))
    if name not in module.bound:
        module.define(name, defined, source, names)
    if isinstance(defined, type):
        return [f"{verb} = {INSTANCE}.{verb}"]
    return [] if name == verb else [f"{verb} = {name}"]


def _is_ours(decorator: ast.expr, address: str, names: Mapping[str, Any]) -> bool:
    """Tell the decorator of this module, under whatever name it is used."""
    if not isinstance(decorator, ast.Call):
        return False
    first = decorator.args[0] if decorator.args else None
    last = ast.unparse(decorator.func).rpartition(".")[2]
    named = last == "method" and isinstance(first, ast.Constant) and first.value == address
    return named or _meaning(decorator.func, names) is method


def _meaning(expression: ast.expr, names: Mapping[str, Any]) -> object:
    """Return what a dotted name stands for; None for what is none."""
    if isinstance(expression, ast.Name):
        return names.get(expression.id)
    if isinstance(expression, ast.Attribute):
        return getattr(_meaning(expression.value, names), expression.attr, None)
    return None
