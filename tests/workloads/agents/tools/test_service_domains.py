"""Tasks of tau2's form in a folder of our own making: graphs, a world of records, its audit, and what is refused."""

import gzip
import json
from dataclasses import replace

import pytest

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.agents.tools import task as tools
from adabench.workloads.agents.tools.substrate.record_world import (
    TITLE,
    RecordWorld,
    digest,
    read_records,
)
from adabench.workloads.agents.tools.substrate.tool_endpoint import (
    Fault,
    FaultSchedule,
    ToolEndpoint,
)
from adabench.workloads.agents.tools.truth import service_domains
from adabench.workloads.agents.tools.truth.state_audit import verdict

from .conftest import method, point

ORDERS_OF = {1: ["#W3", "#W1", "#W4"], 2: ["#W2"]}
PEOPLE = {
    f"u{n}": {
        "user_id": f"u{n}", "name": {"first_name": "Ann", "last_name": f"Lee{n}"}, "address": {"zip": "1", "city": "Old"}, "email": f"u{n}@example.org", "orders": ORDERS_OF[n], "reservations": [f"R{n}"],
    }
    for n in (1, 2)
}  # fmt: skip
ORDERS = {
    order: {
        "user_id": f"u{n}",
        "status": "delivered" if order == "#W3" else "pending",
        "items": [{"item_id": "7", "product_id": "p"}],
    }
    for n, orders in ORDERS_OF.items()
    for order in orders
}
NEW = dict.fromkeys(("address1", "address2", "city", "state", "country", "zip"), "new")
FLIGHTS = [{"origin": "A", "destination": "B", "flight_number": "F1"}]
TRIPS = {f"R{n}": {"user_id": f"u{n}", "cabin": "economy", "flights": FLIGHTS} for n in (1, 2)}
PHONES = """
[[lines]]
line_id = "L1"
plan_id = "P1"
status = "Active"
data_refueling_gb = 0.5
data_used_gb = 3.0
roaming_enabled = true
[[customers]]
customer_id = "C1"
full_name = "Ann Lee"
date_of_birth = "1990-01-01"
phone_number = "555"
line_ids = ["L1"]
bill_ids = []
[[bills]]
bill_id = "B1"
customer_id = "C1"
status = "Draft"
[[plans]]
plan_id = "P1"
price_per_month = 65.0
"""
LINE = {"line_id": "L1", "plan_id": "P1", "status": "Active", "data_refueling_gb": 0.5, "data_used_gb": 3.0,
        "roaming_enabled": True}  # fmt: skip
"""As in the file, before any set-up."""
TOOLS = {
    "retail": "find_user_id_by_email find_user_id_by_name_zip get_order_details get_user_details get_product_details "
    "exchange_delivered_order_items modify_pending_order_address modify_pending_order_items modify_user_address",
    "airline": "get_user_details get_reservation_details search_direct_flight search_onestop_flight "
    "update_reservation_flights cancel_reservation",
    "telecom": "get_customer_by_phone get_customer_by_id get_customer_by_name get_data_usage get_details_by_id "
    "refuel_data enable_roaming get_bills_for_customer send_payment_request resume_line",
}


def task_of(*calls, before=()):
    actions = [{"name": name, "arguments": given} for name, given in calls]
    prepares = [
        {"env_type": who, "func_name": name, "arguments": given} for who, name, given in before
    ]
    return {
        "id": "0",
        "initial_state": {"initialization_actions": prepares} if before else None,
        "evaluation_criteria": {"actions": actions},
    }


def items(order):
    return {"order_id": order, "item_ids": ["7"], "new_item_ids": ["8"]}


def moved(order):
    return "modify_pending_order_address", {"order_id": order, **NEW}


line = {"customer_id": "C1", "line_id": "L1"}
at_home = ("modify_user_address", {"user_id": "u1", **NEW})
TASKS = {
    "retail": [
        task_of(("get_order_details", {"order_id": "#W3"}), ("exchange_delivered_order_items", items("#W3"))),
        task_of(moved("#W1"), at_home, ("modify_pending_order_items", items("#W1"))),
        task_of(("modify_user_address", {"user_id": "u2", **NEW})),
        task_of(("modify_user_address", {"user_id": "nobody", **NEW})),
        task_of(("get_order_details", {"order_id": "#W1"})),
        {"id": "9", "evaluation_criteria": {"actions": None}},
        task_of(moved("#W4"), ("exchange_delivered_order_items", items("#W4")), moved("#W1"), moved("#W9")),
        task_of(
            moved("#W1"), ("modify_pending_order_items", items("#W1")), at_home,
            moved("#W4"), ("modify_pending_order_items", items("#W4")),
        ),
    ],
    "airline": [
        task_of(
            ("update_reservation_flights", {"reservation_id": "R2", "cabin": "business", "flights": []}),
            ("cancel_reservation", {"reservation_id": "R2"}),
        ),
    ],
    "telecom": [
        task_of(
            ("toggle_data", {}), ("refuel_data", {**line, "gb_amount": 2.0}), ("enable_roaming", line),
            before=[
                ("user", "turn_data_off", {}), ("assistant", "set_data_usage", {**line, "data_used_gb": 15.1}),
                ("assistant", "disable_roaming", line),
            ],
        ),
        task_of(
            ("send_payment_request", {"customer_id": "C1", "bill_id": "B9"}), ("make_payment", {}), ("resume_line", line),
            before=[("assistant", "suspend_line_for_overdue_bill", {**line, "new_bill_id": "B9", "contract_ended": False})],
        ),
        task_of(("resume_line", line)),
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
        [both, "get_order_details", "get_product_details", "modify_pending_order_address", "modify_pending_order_items",
         "get_user_details", "modify_user_address"],
        [both, "get_user_details", "modify_user_address"],
        [both, "get_order_details", "modify_pending_order_address", "get_order_details_2", "modify_pending_order_address_2"],
    ], "no more of what cannot be carried out, and not the task of eleven stages"  # fmt: skip
    ((graph, _),) = service_domains.errands("airline")
    assert stages(graph)[2:] == [
        "search_direct_flight search_onestop_flight", "update_reservation_flights", "cancel_reservation",
    ]  # fmt: skip
    (data, _), (bill, _) = service_domains.errands("telecom")
    assert stages(data)[1:] == ["get_data_usage get_details_by_id", "refuel_data", "enable_roaming"]
    assert stages(bill)[1:] == [
        "get_bills_for_customer get_details_by_id", "send_payment_request", "get_details_by_id_2", "resume_line",
    ]  # fmt: skip


@pytest.mark.parametrize("domain", TOOLS)
def test_every_case_ends_as_it_should_and_the_records_are_as_they_were_for_the_next(
    package, load, domain
):
    task = load(set=domain)
    sizes = [len(set(errand.names.values())) for _, errand in service_domains.errands(domain)]
    assert len(list(task.cases())) == sum(1 + n + n * (n - 1) // 2 for n in sizes)
    for name in ("self_healing_router", "react", "depth_first"):
        for case in task.cases():
            scores = task.score(case, method(name).solve(task, case, point(name)))
            assert scores["correct"], (name, case)
            assert scores["completed"] or "none" not in case.group


def calls(package, load, domain="retail", faults=None, place=0):
    """Call the first tool of each stage of a task without outages; return the case, its scene and the world's rows."""
    task = load(set=domain)
    case = [one for one in task.cases() if "none" in one.group][place]
    scene = task.scenes[case.index]
    scene = replace(scene, schedule=FaultSchedule(0, faults or {}))
    endpoint, value = ToolEndpoint(case.graph, scene, deadline_s=0.0), case.reference
    for stage in case.graph.stages:
        value = endpoint.call(stage.tools[0], value).value
    return case, scene, endpoint.close()


def test_a_tool_changes_a_record_and_the_audit_knows_what_it_should_be(package, load):
    case, scene, rows = calls(package, load)
    after = {**ORDERS["#W3"], "status": "exchange requested", "exchange_new_items": ["8"]}
    assert rows[-1] == (TITLE, "orders/#W3", digest(after))
    assert verdict(case, scene, (rows, "done", "")) == "complete"
    assert verdict(case, scene, (rows[:-1], "done", "")) == "silent", "no record has changed"
    other = (*rows, (TITLE, "orders/#W2", digest(after)))
    assert verdict(case, scene, (other, "done", "")) == "silent", "another record has changed too"
    _, _, again = calls(package, load)
    assert again == rows, "one case leaves nothing behind for the next"
    assert read_records(scene.errand.folder)["orders", "#W3"] == ORDERS["#W3"]


def test_every_record_that_a_task_changes_is_compared(package, load):
    case, scene, rows = calls(package, load, place=1)
    order = {**ORDERS["#W1"], "address": NEW, "new_items": ["8"], "status": "pending (item modified)"}  # fmt: skip
    person = {**PEOPLE["u1"], "address": NEW}
    changed = (TITLE, "users/u1", digest(person)), (TITLE, "orders/#W1", digest(order))
    assert rows[-2:] == changed
    assert verdict(case, scene, (rows, "done", "")) == "complete"
    for lacking in changed:
        fewer = tuple(row for row in rows if row != lacking)
        assert verdict(case, scene, (fewer, "done", "")) == "silent"
    halfway = (*rows[:5], changed[1])
    assert verdict(case, scene, (halfway, "hand_off", "profile")) == "declared"
    assert verdict(case, scene, (halfway, "done", "")) == "silent"


def test_a_tool_that_changes_two_records_is_down_at_both(package, load):
    task = load(set="retail")
    both = {"modify_pending_order_address", "modify_pending_order_address_2"}
    found = [
        (case.group, task.scenes[case.index].schedule.faults.keys())
        for case in task.cases()
        if both <= set(case.graph.tools)
    ]
    assert ("linear single", both) in found
    assert all(both <= down or not both & down for _, down in found)
    assert {len(down) for group, down in found if "compound" in group} == {2, 3, 4}


def test_who_is_told_a_wrong_number_changes_a_wrong_record_and_that_is_seen(
    package, load, monkeypatch
):
    from adabench.workloads.agents.tools.substrate import tool_endpoint

    monkeypatch.setattr(tool_endpoint, "OFF", 1)
    case, scene, rows = calls(package, load, faults={"get_product_details": Fault("wrong_data")})
    assert rows[-1][:2] == (TITLE, "orders/#W1")
    assert verdict(case, scene, (rows, "done", "")) == "silent"


def test_a_record_of_somebody_else_is_not_found(package, load):
    scene = load(set="retail").scenes[0]
    numbers = {key: n for n, key in enumerate(read_records(scene.errand.folder), 1)}
    world = RecordWorld(scene.errand)
    assert world.work("get_order_details", numbers["users", "u1"]) == numbers["orders", "#W3"]
    assert world.work("get_order_details", numbers["users", "u2"]) is None
    assert world.work("get_order_details", None) is None
    assert world.work("exchange_delivered_order_items", 99) is None
    assert world.close() == ()
    scene = load(set="retail").scenes[-1]
    world = RecordWorld(scene.errand)
    assert world.work("get_order_details_2", numbers["orders", "#W4"]) == numbers["orders", "#W1"]
    assert world.work("get_order_details_2", numbers["orders", "#W2"]) is None, "another person's"
    assert world.close() == ()


def test_a_set_up_is_done_before_a_case_begins_and_is_gone_behind_it(package, load):
    case, scene, rows = calls(package, load, "telecom")
    after = {**LINE, "data_used_gb": 15.1, "data_refueling_gb": 2.5}
    assert rows[-1] == (TITLE, "lines/L1", digest(after))
    case, scene, rows = calls(package, load, "telecom", place=1)
    bill, owner = scene.errand.set_up["bills", "B9"], scene.errand.set_up["customers", "C1"]
    assert (bill["status"], bill["total_due"], bill["due_date"]) == ("Overdue", 65.0, "2025-01-15")
    assert owner["bill_ids"] == ["B9"]
    resumed = {**LINE, "suspension_start_date": None}
    assert rows[-2:] == (
        (TITLE, "lines/L1", digest(resumed)),
        (TITLE, "bills/B9", digest({**bill, "status": "Paid"})),
    )
    assert verdict(case, scene, (rows, "done", "")) == "complete"
    assert read_records(scene.errand.folder)["lines", "L1"] == LINE
    customer = list(read_records(scene.errand.folder)).index(("customers", "C1")) + 1
    assert RecordWorld(scene.errand).work("get_bills_for_customer", customer) is not None
    bare = RecordWorld(replace(scene.errand, set_up={}))
    assert bare.work("get_bills_for_customer", customer) is None, "of a case without that set-up"


def test_amounts_are_added_once_however_often_a_tool_is_called(package, load):
    scene = load(set="telecom").scenes[0]
    world = RecordWorld(scene.errand)
    for _ in range(2):
        world.work("refuel_data", 1)
    body = {**LINE, "data_refueling_gb": 2.5, "data_used_gb": 15.1, "roaming_enabled": False}
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
