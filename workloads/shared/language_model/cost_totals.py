"""What a case has cost in all, as a task records it, of the costs that its engines counted."""

from adabench.workloads.shared.language_model.contract import Costs


def totals(costs: Costs) -> dict[str, float]:
    """Return costs by name: means of what was read at each depth, times a word, FLOPs if all are known.

    `flops` is `flops_counted` here, for the first is the harness's own counter, which sees torch alone.
    Where a server's work is not known there is none: a judge's beside it would not be all. So it is with
    `serial_steps`, and with the time between words that follows from them.
    """
    counted: dict[str, float] = dict(costs.meter)
    for when in ("before", "after"):
        depths = counted.pop(f"depths_{when}", 0)
        if depths:
            counted[f"kv_{when}"] /= depths
    flops = counted.pop("flops", 0)
    if not counted.pop("uncounted", 0):
        counted["flops_counted"] = flops
    else:
        counted.pop("difficulty_flops", 0)
    if counted.pop("unserial", 0):
        counted.pop("serial_steps", None)
    if costs.first_s is not None and costs.last_s is not None:
        counted["ttft_s"] = costs.first_s
        for name, per in (("itl_s", "serial_steps"), ("tpot_s", "generated")):
            steps = counted.get(per, 0)
            if steps > 1:
                counted[name] = (costs.last_s - costs.first_s) / (steps - 1)
    return counted
