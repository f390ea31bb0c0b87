from adabench.harness.analysis.analyse import analyse
from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Cell, Record
from adabench.profilers.energy.carbon import Factor
from adabench.reports.tables.carbon import carbon_document, carbon_sheet

FACTOR = Factor(360.0, "DEU", 2023, "the grid operator")
TASKS = {
    "roots": Card("Roots", metrics=(Metric("right", "share", "higher", "quality", primary=True),))
}
METHODS = {f"roots/{name}": Card(name) for name in ("counted", "modelled", "blind")}


def record(method, seed, **joules):
    values = {"right": 0.5, "latency_s": 0.01, "loops": 1} | joules
    energy = tuple(
        {"key": key, "kind": "counter.rapl", "label": "counter", "j": j}
        for key, j in joules.items()
        if "_est_" not in key
    )
    cell = Cell("roots", method, {}, {}, "embedded", seed)
    return Record(cell, "solve", 0, 0, "ok", values, energy=energy)


def findings():
    records = [
        made
        for seed in range(3)
        for made in (
            record("counted", seed, energy_j=10.0),
            record("modelled", seed, energy_est_j=20.0),
            record("blind", seed),
        )
    ]
    manifest = {"instruments": [], "warnings": []}
    return analyse("runs/made-up", manifest, TASKS, METHODS, records)


def test_grams_carry_the_label_of_their_joules_and_the_factor_stands_below():
    sheet = carbon_sheet(findings(), "roots", FACTOR)
    cells = {row[0].text: row[2] for row in sheet.rows}
    assert (cells["counted"].text, cells["counted"].minor) == ("1.00 mg CO2e", "(counter)")
    assert (cells["modelled"].text, cells["modelled"].minor) == ("~2.00 mg CO2e", "est.")
    assert "blind" not in cells  # no joules, no grams, no zero
    assert "360 g CO2e/kWh (DEU, 2023; the grid operator)" in sheet.caption


def test_the_document_has_the_factor_and_every_row():
    document = carbon_document(findings(), FACTOR)
    assert (document["g_per_kwh"], document["region"]) == (360.0, "DEU")
    rows = {row["method"]: row for row in document["rows"]}
    assert rows["counted"]["label"] == "counter"
    assert rows["modelled"]["label"] == "estimated"
    assert rows["counted"]["g"] == 10.0 * 360.0 / 3.6e6
    assert set(rows) == {"counted", "modelled"}
