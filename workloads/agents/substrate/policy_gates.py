"""What a policy must show before a task runs it, on worlds of the held-out split, as it is shipped.

A policy that misses a gate is broken in a way that would look like a merit of some method: one that cannot
read its tools gains by any retry, one that does not take the row that it named makes hints worthless, and one
that knows facts by heart needs no tools.
"""

from adabench.workloads.shared.training.recipe_card import Gate

PER_GATE = 300
"""Questions that each figure rests on."""


GATES = (
    Gate("kb_dir", "facts are not known by heart: answers to `kb` without a tool", high=0.02),
    Gate("kb_cot", "facts are not known by heart: chains on `kb` without a tool", high=0.02),
    Gate("kb_act_clean_2", "two hops where nothing is to be chosen and nothing fails", low=0.95),
    Gate("kb_act_clean_3", "three hops where nothing is to be chosen and nothing fails", low=0.95),
    Gate("kb_act_clean_4", "four hops where nothing is to be chosen and nothing fails", low=0.95),
    Gate("kb_act_3", "three hops, greedy: neither broken nor solved", low=0.40, high=0.65),
    Gate("kb_gain_8", "what the best of eight samples gains over one", low=0.25),
    Gate("binding", "the next call takes the row that was named", low=0.95),
    Gate("hint_binding", "the row that a hint names is taken", low=0.95),
    Gate("critic_auc", "the critic ranks right answers above wrong ones", low=0.85),
    Gate("arith_cot_4", "four operations in a chain", low=0.90),
    Gate("arith_dir_2", "two operations at once are too many", high=0.30),
    Gate("all_down", "failure is declared where no tool works", low=0.95),
)

VALUE_GATES = (
    Gate("value_auc", "values behind steps rank episodes that end well above others", low=0.70),
)
"""Of a value head."""

PLAN_GATES = (
    Gate("sound", "the first plan is the one that the question asks for", low=0.95),
    *(
        Gate(f"kb_clean_{n}", f"{n} hops where nothing is to be chosen and nothing fails", low=0.95)
        for n in (2, 3, 4)
    ),
    Gate("kb_3", "three hops: neither broken nor solved", low=0.40, high=0.65),
    Gate("arith_clean_4", "four operations where nothing fails", low=0.95),
    Gate("kb_faults_3", "three hops, nothing to be chosen: what fails is planned again", low=0.85),
    Gate("all_down", "failure is declared where no tool works", low=0.95),
)
"""Of a planner."""
