"""Reads claims from the files in which they stand: data, and nothing of it is executed.

What a paper states stands in `workloads/papers/<slug>.toml`; criteria and checks of methods that belong to no
paper of ours stand in the `claims.toml` of their task. A claim names its method and has one form:

    [[claims]]
    id = "ets-1-64"
    method = "chain/ets"
    says = "At N = 64 a search holds 1.8 times less cache than REBASE on the mean."
    source = "headline"
    paper = "1.8x reduction in average KV cache size"
    effect = 0.556
    [claims.ratio]
    metric = "kv_before"
    against = "rebase"
    where = { N = 64 }
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from adabench.harness.contract import expectations
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import Expectation
from adabench.harness.errors import MethodContractError, nearest

TASK_FILE = "claims.toml"
PAPERS_FOLDER = "papers"
FORMS: Mapping[str, type] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", form.__name__).lower(): form
    for form in (*get_args(expectations.Testable), expectations.OutOfReach)
}
"""By the name of their table: `ratio`, `signed_rank`, `out_of_reach`."""
METHOD = "method"
"""The key of a claim that holds the address of the method that it is about."""


def claims_in(file: Path) -> Mapping[str, tuple[Claim, ...]]:
    """Return the claims of a file by the address of their method; none if there is no such file.

    Raises:
        MethodContractError: if it cannot be read: no TOML, an unknown key, two claims of one id.
    """
    try:
        stat = file.stat()
    except OSError:
        return MappingProxyType({})
    return _claims_in(file, stat.st_mtime_ns, stat.st_size)


@cache
def _claims_in(file: Path, mtime_ns: int, size: int) -> Mapping[str, tuple[Claim, ...]]:
    """Read a file once for each of its states."""
    found: dict[str, list[Claim]] = {}
    ids: set[str] = set()
    for row in tables(document(file), "claims", file.name):
        method = row.get(METHOD)
        if not isinstance(method, str) or "/" not in method:
            raise _refused(
                file.name, row, "does not say whose it is", 'Write method = "task/name".'
            )
        claim = _claim(row, file.name)
        if claim.id in ids:
            raise _refused(file.name, row, "stands there twice", "Give one of them another id.")
        ids.add(claim.id)
        found.setdefault(method, []).append(claim)
    return MappingProxyType({method: tuple(claims) for method, claims in found.items()})


def document(file: Path) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises:
        MethodContractError: if it is no TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise MethodContractError(f"{file.name} is not valid TOML: {broken}.") from broken


def tables(found: Mapping[str, Any], key: str, file: str) -> list[dict[str, Any]]:
    """Return the tables of an array of tables, `[[key]]`; none where it is missing.

    Raises:
        MethodContractError: if something else has that name.
    """
    rows = found.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise MethodContractError(f"{key} in {file} is no list of tables.", f"Write [[{key}]].")
    return rows


def _claim(row: Mapping[str, Any], file: str) -> Claim:
    forms = [key for key in row if key in FORMS]
    if len(forms) != 1:
        problem = f"has {len(forms)} forms ({', '.join(forms)})" if forms else "has no form"
        raise _refused(file, row, problem, f"Give it one table of {', '.join(FORMS)}.")
    plain = {key: value for key, value in row.items() if key not in (METHOD, *forms)}
    expect: Expectation = _made(FORMS[forms[0]], row[forms[0]], row, file)
    claim: Claim = _made(Claim, {"effect": None, **plain, "expect": expect}, row, file)
    return claim


def _made(kind: type, given: Any, row: Mapping[str, Any], file: str) -> Any:
    """Return an object of a dataclass from a table; arrays are tuples there."""
    if not isinstance(given, Mapping):
        raise _refused(
            file, row, f"has a {kind.__name__} that is no table", "Write its keys below it."
        )
    known, values = _keys(kind), {}
    for key, item in given.items():
        if key not in known:
            raise _refused(file, row, f"has an unknown key {key!r}", nearest(key, known))
        value = values[known[key].name] = _plain(item)
        if not known[key].takes(value):
            raise _refused(
                file, row, f"has the {key} {value!r}", f"It is {known[key].alternatives}."
            )
    lacking = [key for key, about in known.items() if about.needed and about.name not in values]
    if lacking:
        raise _refused(file, row, f"lacks {', '.join(lacking)}", "Add it.")
    return kind(**values)


@dataclass(frozen=True)
class _Key:
    """What a key of a table may hold."""

    name: str
    """The field's."""
    types: frozenset[type]
    words: frozenset[str]
    needed: bool

    def takes(self, value: Any) -> bool:
        return (
            value in self.words if type(value) is str and self.words else type(value) in self.types
        )

    @property
    def alternatives(self) -> str:
        names = sorted(_NAMES.get(kind, kind.__name__) for kind in self.types - {NoneType})
        return f"one of {', '.join(sorted(self.words))}" if self.words else " or ".join(names)


_NAMES = {str: "text", float: "a number", int: "a whole number", bool: "true or false"} | {
    tuple: "a list", dict: "a table",
}  # fmt: skip


@cache
def _keys(kind: type) -> Mapping[str, _Key]:
    """Return the keys of a dataclass's table; `with_` is written `with`."""
    found = {}
    for field in fields(kind):
        types, words = _types_and_words(field.type)
        needed = field.default is MISSING and field.default_factory is MISSING
        found[field.name.rstrip("_")] = _Key(field.name, frozenset(types), frozenset(words), needed)
    return found


def _types_and_words(annotation: Any) -> tuple[set[type], set[str]]:
    """Return the types that values of an annotation have, and the words that it lists."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return set(), set(inner)
    if origin in (Union, UnionType):
        pairs = [_types_and_words(one) for one in inner]
        return {t for types, _ in pairs for t in types}, {w for _, words in pairs for w in words}
    if annotation is float:
        return {int, float}, set()
    return {{Mapping: dict}.get(origin, origin) or annotation}, set()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_plain, value))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _refused(file: str, row: Mapping[str, Any], problem: str, hint: str) -> MethodContractError:
    name = row.get("id") or row.get("says") or "without an id"
    return MethodContractError(f"The claim {name} in {file} {problem}.", hint)
