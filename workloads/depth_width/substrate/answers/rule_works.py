"""Works of its own for what a method decides by, so that the engine's stay out of its hands.

A rule counts what it multiplies and is handed a `Work` for it. The one that it gets starts at zero;
when the text has been read it is added to the engine's, if it holds what a rule may count.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adabench.harness.errors import MethodContractError
from adabench.workloads.depth_width.substrate.gathered_forward import everyone
from adabench.workloads.depth_width.substrate.work_counter import Work


@dataclass
class RuleWorks:
    """Works that the rule of one reading counts in, each beside the engine's own."""

    pairs: list[tuple[Work, Work]] = field(default_factory=list)
    engines: Work | None = None
    own: Work = field(default_factory=Work)

    def rule(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Return the rule, counting apart; the engine hands it a work last."""

        def apart(*given: Any) -> Any:
            work = given[-1]
            if work is not self.engines:
                self.engines, self.own = work, Work()
                self.pairs.append((work, self.own))
            return rule(*given[:-1], self.own)

        return apart

    def add(self) -> None:
        """Add to the engine's works what the rule counted.

        Raises:
            MethodContractError: if it counted less than nothing, or what engines alone count.
        """
        for work, own in self.pairs:
            stored = own.kv_entries or own.kv_allocated
            if own.runs or stored or own.flops < 0 or own.moved < 0:
                raise MethodContractError(
                    "A rule wrote down layers, stored keys or negative work.",
                    "A rule adds the products and gathers that it makes itself, and nothing else.",
                )
            work.flops += own.flops
            work.moved += own.moved


Apart = Callable[[Any, RuleWorks], Any]
"""How a rule of one kind gets works of its own."""


def as_it_is(rule: Any, works: RuleWorks) -> Any:
    """Return what is no rule."""
    return rule


def rule_apart(rule: Any, works: RuleWorks) -> Any:
    """Return a rule that is handed a work last; a tensor of paths is none."""
    return works.rule(rule) if callable(rule) else rule


def policy_apart(policy: Any, works: RuleWorks) -> Any:
    """Return a policy whose rules count apart; that of models without a router is none."""
    return policy if policy is everyone else lambda: works.rule(policy())
