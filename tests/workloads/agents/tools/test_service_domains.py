"""Tasks of tau2's form in a folder of our own making: graphs, a world of records, its audit, and what is refused."""

import gzip
import json
from dataclasses import replace

import pytest

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.agents.tools import task as tools
from adabench.workloads.agents.tools.substrate.fault_schedules import Fault, FaultSchedule
from adabench.workloads.agents.tools.substrate.record_world import (
    TITLE,
    RecordWorld,
    digest,
    read_records,
)
from adabench.workloads.agents.tools.substrate.tool_endpoint import ToolEndpoint
from adabench.workloads.agents.tools.truth import service_domains
from adabench.workloads.agents.tools.truth.state_audit import verdict

from .conftest import method, point

PEOPLE = {
    f"u{n}": {
        "user_id": f"u{n}", "name": {"first_name": "Ann", "last_name": f"Lee{n}"}, "address": {"zip": "1", "city": "Old"}, "email": f"u{n}@example.org", "orders": [f"#W{n}"], "reservations": [f"R{n}"],
    }
    for n in (1, 2)
}  # fmt: skip
ORDERS = {
    f"#W{n}": {
        "user_id": f"u{n}",
        "status": "pending",
        "items": [{"item_id": "7", "product_id": "p"}],
    }
    for n in (1, 2)
}
NEW = dict.fromkeys(("address1", "address2", "city", "state", "country", "zip"), "new")
FLIGHTS = [{"origin": "A", "destination": "B", "flight_number": "F1"}]
TRIPS = {f"R{n}": {"user_id": f"u{n}", "cabin": "economy", "flights": FLIGHTS} for n in (1, 2)}
PHONES = """
[[lines]]
line_id = "L1"
data_refueling_gb = 0.5
[[customers]]
customer_id = "C1"
full_name = "Ann Lee"
date_of_birth = "1990-01-01"
phone_number = "555"
line_ids = ["L1"]
bill_ids = []
"""
TOOLS = {
    "retail": "find_user_id_by_email find_user_id_by_name_zip get_order_details get_user_details get_product_details "
    "exchange_delivered_order_items modify_pending_order_address modify_pending_order_items modify_user_address",
    "airline": "get_user_details get_reservation_details search_direct_flight search_onestop_flight "
    "update_reservation_flights cancel_reservation",
    "telecom": "get_customer_by_phone get_customer_by_id get_customer_by_name get_data_usage get_details_by_id "
    "refuel_data enable_roaming",
}


def task_of(*calls):
    actions = [{"name": name, "arguments": given} for name, given in calls]
    return {"id": "0", "evaluation_criteria": {"actions": actions}}


items = {"order_id": "#W1", "item_ids": ["7"], "new_item_ids": ["8"]}
line = {"customer_id": "C1", "line_id": "L1"}
TASKS = {
    "retail": [
        task_of(("get_order_details", {"order_id": "#W1"}), ("exchange_delivered_order_items", items)),
        task_of(
            ("modify_pending_order_address", {"order_id": "#W1", **NEW}),
            ("modify_user_address", {"user_id": "u1", **NEW}),
            ("modify_pending_order_items", items),
        ),
        task_of(("modify_user_address", {"user_id": "u2", **NEW})),
        task_of(("modify_user_address", {"user_id": "nobody", **NEW})),
        task_of(("get_order_details", {"order_id": "#W1"})),
        {"id": "9", "evaluation_criteria": {"actions": None}},
    ],
    "airline": [
        task_of(
            ("update_reservation_flights", {"reservation_id": "R2", "cabin": "business", "flights": []}),
            ("cancel_reservation", {"reservation_id": "R2"}),
        ),
    ],
    "telecom": [
        task_of(("toggle_data", {}), ("refuel_data", {**line, "gb_amount": 2.0}), ("enable_roaming", line)),
    ],
}  # fmt: skip


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of that form, which can be found and is not imported; return its folder."""
    folder = tmp_path / "made_evals" / "tau2"
    for domain, names in TOOLS.items():
        (folder / domain).mkdir(parents=True)
        source = "raise ImportError\n" + "".join(
            f"@tool\ndef {name}() -> Tool: ...\n" for name in names.split()
        )
        (folder / domain / "tools.py").write_text(source)
        data = folder / "data" / "domains" / domain
        data.mkdir(parents=True)
        raw = json.dumps(TASKS[domain])
        if domain == "telecom":
            (data / "tasks.json.gz").write_bytes(gzip.compress(raw.encode()))
            (data / "db.toml").write_text(PHONES)
        else:
            (data / "tasks.json").write_text(raw)
    domains = folder / "data" / "domains"
    shop = {"products": {"p": {"name": "cup"}}, "users": PEOPLE, "orders": ORDERS}
    (domains / "retail" / "db.json").write_text(json.dumps(shop))
    air = {"flights": {"F1": FLIGHTS[0]}, "users": PEOPLE, "reservations": TRIPS}
    (domains / "airline" / "db.json.gz").write_bytes(gzip.compress(json.dumps(air).encode()))
    monkeypatch.setattr(service_domains, "PACKAGE", "made_evals")
    monkeypatch.syspath_prepend(str(tmp_path))
    service_domains.errands.cache_clear()
    yield folder
    service_domains.errands.cache_clear()


def stages(graph):
    return [" ".join(stage.tools) for stage in graph.stages]


def test_stages_follow_what_a_task_changes(package):
    both = "find_user_id_by_email find_user_id_by_name_zip"
    assert [stages(graph) for graph, _ in service_domains.errands("retail")] == [
        [both, "get_order_details", "get_product_details", "exchange_delivered_order_items"],
        [both, "get_order_details", "get_product_details", "modify_pending_order_address", "modify_pending_order_items"],
        [both, "get_user_details", "modify_user_address"],
    ]  # fmt: skip
    ((graph, _),) = service_domains.errands("airline")
    assert stages(graph)[2:] == [
        "search_direct_flight search_onestop_flight", "update_reservation_flights", "cancel_reservation",
    ]  # fmt: skip
    ((graph, _),) = service_domains.errands("telecom")
    assert stages(graph)[1:] == [
        "get_data_usage get_details_by_id",
        "refuel_data",
        "enable_roaming",
    ]


@pytest.mark.parametrize("domain", TOOLS)
def test_every_case_ends_as_it_should_and_the_records_are_as_they_were_for_the_next(
    package, load, domain
):
    task = load(set=domain)
    sizes = [len(graph.tools) for graph, _ in service_domains.errands(domain)]
    assert len(list(task.cases())) == sum(1 + n + n * (n - 1) // 2 for n in sizes)
    for name in ("self_healing_router", "react"):
        for case in task.cases():
            scores = task.score(case, method(name).solve(task, case, point(name)))
            assert scores["correct"], (name, case)
            assert scores["completed"] or "none" not in case.group


def calls(package, load, domain="retail", faults=None):
    """Call the first tool of each stage of a domain's first case; return the case, its scene and the world's rows."""
    task = load(set=domain)
    case, scene = next(iter(task.cases())), task.scenes[0]
    scene = replace(scene, schedule=FaultSchedule(0, faults or {}))
    endpoint, value = ToolEndpoint(case.graph, scene, deadline_s=0.0), case.reference
    for stage in case.graph.stages:
        value = endpoint.call(stage.tools[0], value).value
    return case, scene, endpoint.close()


def test_a_tool_changes_a_record_and_the_audit_knows_what_it_should_be(package, load):
    case, scene, rows = calls(package, load)
    after = {**ORDERS["#W1"], "status": "exchange requested", "exchange_new_items": ["8"]}
    assert rows[-1] == (TITLE, "orders/#W1", digest(after))
    assert verdict(case, scene, (rows, "done", "")) == "complete"
    assert verdict(case, scene, (rows[:-1], "done", "")) == "silent", "no record has changed"
    other = (*rows, (TITLE, "orders/#W2", digest(after)))
    assert verdict(case, scene, (other, "done", "")) == "silent", "another record has changed too"
    _, _, again = calls(package, load)
    assert again == rows, "one case leaves nothing behind for the next"
    assert read_records(scene.errand.folder)["orders", "#W1"] == ORDERS["#W1"]


def test_who_is_told_a_wrong_number_changes_a_wrong_record_and_that_is_seen(
    package, load, monkeypatch
):
    from adabench.workloads.agents.tools.substrate import tool_endpoint

    monkeypatch.setattr(tool_endpoint, "OFF", 1)
    case, scene, rows = calls(package, load, faults={"get_product_details": Fault("wrong_data")})
    assert rows[-1][:2] == (TITLE, "orders/#W2")
    assert verdict(case, scene, (rows, "done", "")) == "silent"


def test_a_record_of_somebody_else_is_not_found(package, load):
    scene = load(set="retail").scenes[0]
    numbers = {key: n for n, key in enumerate(read_records(scene.errand.folder), 1)}
    world = RecordWorld(scene.errand)
    assert world.work("get_order_details", numbers["users", "u1"]) == numbers["orders", "#W1"]
    assert world.work("get_order_details", numbers["users", "u2"]) is None
    assert world.work("get_order_details", None) is None
    assert world.work("exchange_delivered_order_items", 99) is None
    assert world.close() == ()


def test_amounts_are_added_once_however_often_a_tool_is_called(package, load):
    scene = load(set="telecom").scenes[0]
    world = RecordWorld(scene.errand)
    for _ in range(2):
        world.work("refuel_data", 1)
    body = {"line_id": "L1", "data_refueling_gb": 2.5}
    assert world.close() == ((TITLE, "lines/L1", digest(body)),)


def test_a_missing_package_and_another_version_are_sentences_with_a_remedy(
    package, monkeypatch, command, tmp_path
):
    with pytest.raises(SelectionError, match="graphs of its own"):
        tools.load("embedded", 0, set="retail", graph=str(_graph(tmp_path)))
    source = package / "retail" / "tools.py"
    source.write_text(source.read_text().replace("get_order_details", "get_order"))
    service_domains.errands.cache_clear()
    with pytest.raises(EnvironmentProblem, match="no tool get_order_details") as problem:
        tools.load("embedded", 0, set="retail")
    assert "inspect-evals==" in problem.value.hint
    (package / "data" / "domains" / "retail" / "tasks.json").write_text("{")
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        tools.load("embedded", 0, set="retail")
    monkeypatch.setattr(service_domains, "PACKAGE", "no_such_package_of_tasks")
    done = command("run", "tools/react", "--alone", "--set", "set=airline", "--out", tmp_path / "r")
    assert done.returncode == 3
    assert "The package inspect-evals is not installed" in done.stderr
    assert "pip install --no-deps inspect-evals" in done.stderr
    assert not (tmp_path / "r").exists()


def _graph(folder):
    path = folder / "shop.json"
    path.write_text(json.dumps({"domain": "shop", "stages": [{"title": "a", "tools": ["b"]}]}))
    return path
