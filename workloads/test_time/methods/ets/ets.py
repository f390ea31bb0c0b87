"""Efficient Tree Search: REBASE with leaves pruned for the cache they hold, and a price on
sameness.

A search's leaves share the keys and values of their ancestors. REBASE spreads the width by score
alone, over many branches that share little. ETS first asks which leaves are worth what they hold.
At each depth, with n leaves, their m distinct ancestors (root included) and REBASE's counts as
outcome O_i = count_i / W, an integer program keeps leaves x and ancestors y (`integer_program.py`):

    maximise   sum_i O_i x_i  -  lambda_c / (m + n) (sum_j y_j + sum_i x_i)  +  lambda_s / K sum_k c_k

Leaves whose last steps say the same are one of K clusters, and c_k says that cluster k keeps a leaf
(`step_clusters.py`); without the last term pruning would leave copies of one idea. The kept leaves
then get the *full* remaining width by REBASE's rule: the search does not shrink, it concentrates.

`lambda_c` is the dial. At 0 it is REBASE, to the bit. `lambda_s` = 0 is `ets_kv`, the ablation.
`cost=tokens` weighs nodes by their words in place of counting them (our refinement; a step has 14
words and a prompt eleven, so it changes little). `cut` is the distance at
which steps are told apart (`step_clusters.py`). `solver=milp` gives the same program to HiGHS.

**What is simplified.** The embedder is the policy itself, not a sentence model. The program is
solved on the tree, exactly, where the release calls a MILP solver: the objective reached is the
same, and where several sets reach it we keep the larger. lambda_c = 0 is an exact zero. `lambda_s`
is 1.5 at every N (the paper: 1.5, 1.4, 1.45 for 16, 64, 256). Rewards come from a head on a
language model that is larger than the policy.

**What to expect.** Written before measuring. KV falls by less than the paper's 1.8x: ancestors are
cheap beside leaves, and before pruning there are always W leaves, so what can be
saved is only what they do not share. Accuracy within two points of REBASE, above beam and DVTS. As
lambda_c rises the front goes from REBASE's to a beam's; with lambda_s = 0 it should lose accuracy
sooner. Time does not follow KV: a model of 0.1 M weights decodes at the same speed whatever the
cache holds, and solver and clustering are new costs, so claim C2 should not transfer to this
machine; `aux_s` beside the latency says so.

**Ways to fake it.** Reading the cache after pruning here and before it for REBASE (`tree_search.py`
reads both, for all). A smaller width under the name of sharing (`generated` is that of REBASE up to
what ends earlier). A formula in place of the cache. Clusters of answers or of whole texts, all
distinct, which make coverage vacuous. The solver's seconds left out of the latency. Weights tuned
on test questions.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point, Variant
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.methods.ets.integer_program import Prices, prune
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.tree_search import search

CARD = Card(
    title="Efficient Tree Search",
    paper="Hooper et al., ETS, arXiv 2502.13575, 2025",
    slug="ets",
    adapts="which leaves of a search survive, on scores, shared cache and sameness of last steps",
    signal=("shared.language_model.search_session:Session.scores",),
    fidelity="code-confirmed",
    tasks=("chain", "text"),
    abilities=(
        Ability("samples"),
        Ability("steps"),
        Ability("scores"),
        Ability("hidden", unless={"lambda_c": 0.0, "lambda_s": 0.0}),
    ),
    on_task={"text": OnTask(sweep={"N": (8,), "lambda_c": (1.0,), "lambda_s": (1.5,)})},
    knobs=(
        Knob("N", (4, 16), 16, open=True, low=1),
        Knob("lambda_c", (0.0, 0.5, 1.0, 2.0, 4.0), 1.0, open=True, low=0),
        Knob("lambda_s", (0.0, 1.5), 1.5, open=True, low=0),
        Knob("cost", ("nodes",), "nodes", open=True),
        Knob("cut", (0.05,), 0.05, open=True, low=0, high=2),
        Knob("T", (0.2,), 0.2, open=True, low=0.01),
        Knob("solver", ("tree",), "tree", open=True),
        Knob("select", ("vote",), "vote", open=True),
        Knob("aggregate", ("last",), "last", open=True),
    ),
    variants=(
        Variant(
            "ets_kv",
            "Efficient Tree Search without coverage",
            {"lambda_s": 0.0, "cut": 0.0, "solver": "tree"},
            role="adaptive",
            paper="Hooper et al., ETS, arXiv 2502.13575, 2025",
            adapts="which leaves of a search survive, on scores and shared cache",
            knobs=(
                Knob("N", (16,), 16, open=True, low=1),
                Knob("lambda_c", (0.0, 0.5, 1.0, 2.0), 1.0, open=True, low=0),
                Knob("cost", ("nodes",), "nodes", open=True),
                Knob("T", (0.2,), 0.2, open=True, low=0.01),
                Knob("select", ("vote",), "vote", open=True),
                Knob("aggregate", ("last",), "last", open=True),
            ),
            on_task={"text": OnTask(sweep={"N": (8,), "lambda_c": (1.0,)})},
            essay="""ETS-KV: Efficient Tree Search without the price on sameness.

            The ablation. `ets` with lambda_s = 0 (see there): leaves are kept for what REBASE would give them
            less what they and their ancestors hold, and whether the survivors say different things is nobody's
            concern. If it does as well at the same cache, clusters bought nothing.

            **What to expect.** Written before measuring, from the paper: the same cache at a smaller lambda_c,
            and less accuracy at the same cache.

            **Ways to fake it.** Comparing it at the same lambda_c: it then holds less, and loses for that
            reason.
            """,
        ),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that the search settles on.

    Raises:
        CapabilityMissing: if coverage is paid for and the policy shows no states.
    """
    prices = Prices(
        kv=float(point["lambda_c"]),
        coverage=float(point["lambda_s"]),
        temperature=float(point["T"]),
        cut=float(point["cut"]),
        by_tokens=point["cost"] == "tokens",
        solver="milp" if point["solver"] == "milp" else "tree",
    )
    with task.session(question) as session:
        if prices.kv and prices.coverage:
            session.require("hidden")
        search(session, int(point["N"]), prune(prices), point)
    return session.best
