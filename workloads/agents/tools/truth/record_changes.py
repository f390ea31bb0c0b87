"""What tau2's tools write into a record, what a record has to be for that, and what is done to records before a task.

The package's own code is not used; each line here says what one of its tools does to the record that the call is about.
Prices and payments are left out: a customer who is asked to pay a bill pays it at once, as those of the tasks do.
"""

from collections.abc import Callable, Mapping
from typing import Any

from adabench.workloads.agents.tools.substrate.record_world import Key, Records

Body = Mapping[str, Any]
ADDRESS = ("address1", "address2", "city", "state", "country", "zip")
TODAY = "2025-02-25"
"""In the telephone company's world."""
PERIOD = {"period_start": "2025-01-01", "period_end": "2025-01-31", "issue_date": "2025-01-01",
          "due_date": "2025-01-15"}  # fmt: skip
"""Of a bill that is overdue then."""
CHANGES: Mapping[str, Callable[[Body, Body], Body]] = {
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
    "send_payment_request": lambda given, _: {"status": "Paid"},
    "resume_line": lambda given, _: {"status": "Active", "suspension_start_date": None},
}  # fmt: skip
"""By tool: what it writes, from its arguments and the record as it was."""
ADMITTED: Mapping[str, Callable[[str], bool]] = {
    "cancel_pending_order": lambda status: status == "pending",
    "modify_pending_order_items": lambda status: status == "pending",
    "modify_pending_order_address": lambda status: "pending" in status,
    "modify_pending_order_payment": lambda status: "pending" in status,
    "return_delivered_order_items": lambda status: status == "delivered",
    "exchange_delivered_order_items": lambda status: status == "delivered",
    "resume_line": lambda status: status in ("Suspended", "Pending Activation"),
}
"""By tool: the status of a record at which it does anything; at another one it refuses, and some tasks call it all the same."""


def is_admitted(tool: str, body: Body) -> bool:
    """Tell whether a tool changes a record that is as this one."""
    return tool not in ADMITTED or ADMITTED[tool](str(body.get("status", "")))


def prepared(task: Body, records: Records) -> Records:
    """Return the records that a task's set-up changes or adds, as they are afterwards; what it does to telephones is not here.

    Raises:
        KeyError: if it does something else, or to a record that is not there.
    """
    found: dict[Key, Body] = {}
    for action in (task.get("initial_state") or {}).get("initialization_actions") or ():
        if action["env_type"] == "assistant":
            prepare = SET_UPS[action["func_name"]]
            found |= prepare(action["arguments"], {**records, **found})
    return found


def _line(given: Body, records: Records, values: Body) -> dict[Key, Body]:
    key = ("lines", given["line_id"])
    return {key: {**records[key], **values}}


def _suspended(given: Body, records: Records) -> dict[Key, Body]:
    """Return a line that is suspended, the overdue bill that is the cause, and the customer who holds both."""
    number, customer = given["new_bill_id"], ("customers", given["customer_id"])
    values = {"status": "Suspended", "suspension_start_date": TODAY}
    if given["contract_ended"]:
        values["contract_end_date"] = PERIOD["period_end"]
    line = _line(given, records, values)
    (changed,) = line.values()
    amount = records["plans", changed["plan_id"]]["price_per_month"]
    item = {"description": f"Charge for line {given['line_id']}", "amount": amount,
            "date": TODAY, "item_type": "Charge"}  # fmt: skip
    bill = {"bill_id": number, "customer_id": given["customer_id"], **PERIOD,
            "total_due": amount, "line_items": [item], "status": "Overdue"}  # fmt: skip
    held = {**records[customer], "bill_ids": [*records[customer]["bill_ids"], number]}
    return {**line, ("bills", number): bill, customer: held}


SET_UPS: Mapping[str, Callable[[Body, Records], dict[Key, Body]]] = {
    "enable_roaming": lambda given, records: _line(given, records, {"roaming_enabled": True}),
    "disable_roaming": lambda given, records: _line(given, records, {"roaming_enabled": False}),
    "set_data_usage": lambda given, records: _line(
        given, records, {"data_used_gb": given["data_used_gb"]}
    ),
    "suspend_line_for_overdue_bill": _suspended,
}
"""By name in a task's initial state: which records it leaves behind, and how."""
