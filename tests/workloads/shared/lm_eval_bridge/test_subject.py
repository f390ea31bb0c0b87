"""A method at work outside a run is given what it is given in one, and held to the same account."""

import pytest

from adabench.harness.contract.protocols import account
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.lm_eval_bridge.subject import subject

READS = ("<all recipes>", "chain")
"""For tests/suite/dependencies.py."""

SEED = 1


def test_a_method_is_given_its_substrate_and_an_oracle_the_answers() -> None:
    plain, oracle = (
        subject(f"chain/{name}", SEED, "embedded", {"problems": 2})
        for name in ("greedy", "pass_at_n")
    )
    case = next(iter(plain.task.cases()))
    assert plain.state is plain.substrate is not plain.task
    assert not {"cases", "grader", "credit"} & {*dir(plain.substrate)}
    assert oracle.substrate.credit(case, ()) is False


def test_an_answer_that_was_not_decoded_is_refused_here_too() -> None:
    made = subject("chain/greedy", SEED, "embedded", {"problems": 2})
    case = next(iter(made.task.cases()))
    answer, record = made.solve(case, own=True)
    assert account(made.substrate, case, answer) == answer
    assert record.values["generated"] == len(answer)
    with pytest.raises(MethodContractError, match="No engine decoded"):
        account(made.substrate, case, (*answer[:-1], *answer))
