"""What may not pass for VersatileFFN: dense MLPs that beat a mixture of experts."""

from tests.workloads.depth_width.claim_worlds import judged


def world(versatile: float) -> dict[str, dict[str, float]]:
    """Return what methods measure where VersatileFFN answers so many."""

    def values(accuracy: float, executions: float, memory: float) -> dict[str, float]:
        return {
            "accuracy": accuracy,
            "accuracy_deep": accuracy,
            "executions": executions,
            "parameters_bytes": memory,
        }

    return {
        "versatile_ffn": values(versatile, 11.0, 1.0e6),
        "dense_ffn": values(0.80, 4.0, 1.0e6),
        "moe_ffn": values(0.70, 8.0, 5.0e6),
        "fixed_loops": values(0.75, 16.0, 1.0e6),
        "random_loops": values(0.72, 11.0, 1.0e6),
    }


def test_dense_mlps_do_not_meet_the_claim_of_quality() -> None:
    rows = judged("ledger_affine", world(0.90))
    for claim in ("vffn-1", "vffn-3"):
        assert rows[claim].verdict == "reproduced"
        assert not rows[claim].met_by


def test_beating_experts_is_nothing_where_dense_mlps_do_as_well() -> None:
    rows = judged("ledger_affine", world(0.76))
    assert rows["vffn-1"].verdict == "contradicted"
    assert rows["vffn-3"].verdict == "not reproduced"
