"""What a model with trained parts scores on held-out sequences: the figures of its card."""

from adabench.workloads.depth_width.substrate.train_backbone import held_out_corpus, scores
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Fitted, rule


def held_out(fitted: Fitted) -> dict[str, float]:
    """Return answer accuracy by k, filler accuracy and executions on held-out sequences."""
    corpus, tokens = held_out_corpus()
    answer = unit_forward.prefill_units(fitted.model, tokens, rule(fitted.parts), tile=16)
    return scores(corpus, answer.logits, float(answer.executions().double().mean()))
