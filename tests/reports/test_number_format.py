import pytest

from adabench.reports.number_format import interval, quantity, unit_of


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00123, "s", "1.23 ms"),
        (0.0034, "J", "3.40 mJ"),
        (12.3 * 2**20, "bytes", "12.3 MiB"),
        (512, "bytes", "512 B"),
        (1234.5, "s", "1,234 s"),
        (0.00099961, "s", "1.00 ms"),
        (0.9134, "1", "0.913"),
        (1.0, "", "1.00"),
        (37, "faults", "37"),
        (37.25, "faults", "37.2"),
        (123456.7, "faults", "123,457"),
        (4.2e12, "FLOP", "4.20 T"),
        (1.5e-8, "", "1.50e-08"),
        (-0.31, "", "-0.310"),
        (0, "s", "0 s"),
    ],
)
def test_three_digits_and_a_prefix(value, unit, text):
    assert quantity(value, unit) == text


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_number_that_is_not_there_is_not_zero(value):
    assert quantity(value, "s") == "–"


def test_an_interval_has_the_prefix_and_decimals_of_its_estimate():
    assert interval(0.00119, 0.0127, 0.00123, "s") == "[1.19, 12.70]"
    assert interval(None, 1.0, 0.5) == ""


def test_thousands_do_not_run_into_each_other():
    assert interval(58_200, 61_800, 60_000, "faults") == "[58,200; 61,800]"


def test_the_unit_is_read_off_the_name():
    assert [unit_of(n) for n in ("latency_s", "energy_est_j", "kv_bytes", "faults")] == [
        "s",
        "J",
        "bytes",
        "",
    ]
