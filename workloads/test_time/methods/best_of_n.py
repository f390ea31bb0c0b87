"""Best of N samples, by the policy's own likelihood or by a judge.

    argmax over i of    (1 / T_i) sum of log p(words of i)        by=likelihood
                        aggregate(scores of the steps of i)       by=judge

The step scores are put together by the last, the least, the mean or the product of them.

**What to expect.** Written before measuring. By likelihood no better than majority (the prototype's
three points below it). By judge: above majority if the judge is stronger than the policy; a judge
of the policy's own size reached a pooled AUC of 0.94 in the prototype and chose no better than
chance, because pooled AUC mostly says how hard a problem is.

**Ways to fake it.** A judge that was trained on test problems, or that knows the right
intermediate values; leaving its tokens out of the FLOPs.
"""

from collections.abc import Sequence

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import aggregate

CARD = Card(
    title="Best of N samples",
    paper="Cobbe et al., Training Verifiers, arXiv 2110.14168; Lightman et al., arXiv 2305.20050",
    adapts="nothing: N samples for every question",
    role="static",
    tasks=("chain", "text"),
    abilities=(
        Ability("samples"),
        Ability("scores", unless={"by": "likelihood"}),
        Ability("logprobs", unless={"by": "judge"}),
    ),
    on_task={"text": OnTask(sweep={"N": (8,), "by": ("judge",), "aggregate": ("last",)})},
    knobs=(
        Knob("N", (4, 16), 16, open=True, low=1),
        Knob("by", ("judge", "likelihood"), "judge"),
        Knob("aggregate", ("last", "min"), "last", open=True),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion with the highest score.

    Raises:
        CapabilityMissing: if likelihoods are the scores and the policy shows none.
    """
    with task.session(question) as session:
        if point["by"] == "likelihood":
            session.require("logprobs")
        leaves = session.fork(session.open(), int(point["N"]))
        session.decode(leaves)
        ended = [leaf for leaf in leaves if session.ended(leaf)] or leaves
        scores = _scores(session, ended, point)
        best = max(range(len(ended)), key=lambda i: scores[i])
        session.offer(ended[best].completion)
    return session.best


def _scores(session: Session, leaves: Sequence[Seq], point: Point) -> list[float]:
    if point["by"] == "likelihood":
        return [leaf.logprob / max(1, len(leaf.completion)) for leaf in leaves]
    return [aggregate(scores, str(point["aggregate"])) for scores in session.scores(leaves)]
