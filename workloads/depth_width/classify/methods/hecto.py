"""Hecto: one of two experts that differ answers a query; a gate chooses it on the summary.

    p = softmax(W s / 1.5)            s: the state of <cls>, which knows nothing but the query
    answer = p_e expert_e(tokens),    e = argmax p, the only expert that is run

Expert 0 is a GRU over the tokens in their order (hidden 64), expert 1 a feed-forward net on their mean
(64 -> 128, tanh). In training the answer is scaled by p_e, so the gate learns from what its choice was
worth; 0.01 x its entropy wants it sure, 0.1 x the imbalance of its mean wants both experts used
(`train_experts.py`). Nobody tells it which kind a question is of.

`batch` is how many queries a training batch had, at the same rate and with as many queries in all: a
batch of 256 has a quarter of the steps of one of 64. Those of 16 and 256 are not shipped
(`adabench train 'classify/batches-s[0-4]'`).

`input=isolated` is the paper's own setting, as its abstract has it: no expert gets more than one vector,
here the mean of the tokens. A GRU over a sequence of one is a gated feed-forward net, so nothing there
is temporal; what is said of specialisation is decided on sequences, where it could be.

**What is simplified.** The published model fine-tunes DistilBERT and projects [CLS] to 256; ours freezes
an encoder of one layer, d = 64, or MiniLM on real text. The weights of entropy and balance are not
published. The experts share no head.

**What to expect.** Written before anything was trained. Sequences: within a point of two GRUs, far above
two feed-forward nets where order matters; 0.8 bit or more in all trainings, since only the GRU can follow
a value and the balance leaves it half of the queries. Isolated: as good as homogeneous mixtures, and
*not* blind, above 0.1 bit: two small nets that share two kinds of questions gain by dividing them, whatever
they are made of. For the same reason two GRUs may divide them too, so diversity would not be the source
of it. At equal numbers of queries larger batches take fewer steps and answer less.

**Ways to fake it.** Both experts computed and one selected by a mask; a GRU over a sequence of one sold as
temporal; a balance so strong that usage is even by force and means nothing (mutual information is shown
beside the random gate's); a gate that is fed the kind of a question. Each has a test.
"""

from dataclasses import dataclass

from adabench.harness.contract.card import (
    Card,
    Claim,
    Difference,
    Knob,
    Level,
    Monotone,
    OutOfReach,
    Point,
    Ratio,
)
from adabench.workloads.depth_width.classify.substrate.classify_task import ClassifyTask
from adabench.workloads.depth_width.classify.substrate.experts import Gate, top_1_gate
from adabench.workloads.depth_width.classify.substrate.reading import QuerySet, Reader, Reading

CARD = Card(
    title="Hecto",
    paper="Hecto: Modular Sparse Experts for Adaptive and Interpretable Reasoning, arXiv 2506.22919, "
    "June 2025",
    slug="hecto",
    adapts="whether a GRU or a feed-forward net answers a query, on the encoder's summary of it",
    fidelity="reconstructed",
    skips_from="both",
    knobs=(Knob("batch", (64,), 64, at="prepare", also=(16, 256)),),
    claims=(
        Claim(
            id="hec-1",
            says="With isolated inputs it answers at least 99 % of what homogeneous mixtures answer.",
            source="headline",
            paper="matches or closely trails homogeneous baselines in performance despite receiving "
            "isolated input representations",
            effect=None,
            expect=Ratio(
                "accuracy", ("ffnn_ffnn", "gru_gru"), low=0.99, where={"input": "isolated"}
            ),
        ),
        Claim(
            id="hec-2",
            says="Its choice tells more than half a bit of the kind of question, and the GRU gets the kind "
            "where order matters.",
            source="headline",
            paper="clear expert specialization, with each expert aligning to distinct reasoning types "
            "(temporal vs static); 79.9 % of AG News to the GRU",
            effect=None,
            expect=Level("mi_bits", low=0.5),
            requires=("hec-2-alignment",),
        ),
        Claim(
            id="hec-4",
            says="Trained with larger batches, 16, 64, 256, it answers more.",
            source="headline",
            paper="at larger batch sizes, Hecto exhibits improved performance; no number",
            effect=None,
            expect=Monotone(
                "accuracy",
                over="batch",
                rising=True,
                tolerance=0.01,
                where={"batch": (16, 64, 256)},
            ),
        ),
        Claim(
            id="hec-5",
            says="Its choice tells more of the kind of question than that of homogeneous mixtures.",
            source="headline",
            paper="ablation results isolate architectural diversity as the source of Hecto's ... "
            "interpretability; no number",
            effect=None,
            expect=Difference("mi_bits", ("ffnn_ffnn", "gru_gru"), low=0.0, same=0.05),
        ),
        Claim(
            id="hec-5-stability",
            says="Of the kind that it answers worse it answers more than homogeneous mixtures do.",
            source="headline",
            paper="... of Hecto's stability ... across diverse reasoning tasks; no number",
            effect=None,
            expect=Difference("accuracy_worse", ("ffnn_ffnn", "gru_gru"), low=0.0, same=0.01),
        ),
        Claim(
            id="hec-1-text",
            says="90.02 % accuracy and 89.91 F1 on AG News, 79.9 % of it to the GRU, 0.0083 s a sample.",
            source="measured",
            paper="the model card: DistilBERT, three seeds, hardware not stated",
            effect=None,
            expect=OutOfReach(
                "needs AG News and a fine-tuned DistilBERT; on other real text see hec-1-real"
            ),
            scale="paper",
        ),
        Claim(
            id="hec-1-sequence",
            says="On sequences it answers within a point of two GRUs.",
            source="own",
            paper="our criterion: where the GRU is given something temporal",
            effect=None,
            expect=Difference("accuracy", "gru_gru", low=-0.01),
        ),
        Claim(
            id="hec-1-real",
            says="On real text it answers within a point of the better homogeneous mixture.",
            source="own",
            paper="our criterion: mails, rated sentences and genres for the paper's four sets",
            effect=None,
            expect=Difference(
                "accuracy",
                ("ffnn_ffnn", "gru_gru"),
                low=-0.01,
                where={"data": ("spam", "sentiment", "genre")},
            ),
        ),
        Claim(
            id="hec-2-alignment",
            says="The GRU gets the questions where order matters, by half of all or more.",
            source="own",
            paper="our criterion: experts that are alike may divide the kinds too, and none is for order",
            effect=None,
            expect=Level("alignment", low=0.5),
        ),
        Claim(
            id="hec-2-order",
            says="Where order matters it answers ten points more than two feed-forward nets.",
            source="own",
            paper="our criterion: the GRU does what a bag of words cannot",
            effect=None,
            expect=Difference("accuracy_order", "ffnn_ffnn", low=0.10),
        ),
        Claim(
            id="hec-2-isolated",
            says="With isolated inputs its choice leaves nine tenths of a bit of the kind open.",
            source="own",
            paper="our criterion: where no expert sees an order, none can be the one for it",
            effect=None,
            expect=Level("kind_bits_left", low=0.9, where={"input": "isolated"}),
        ),
        Claim(
            id="hec-2-tied",
            says="Its choice tells more of the kind than that of a gate before one and the same expert.",
            source="own",
            paper="our control: what sureness and balance make of a gate, whatever stands behind it",
            effect=None,
            expect=Difference("mi_bits", "tied_experts", low=0.0, same=0.05),
        ),
        Claim(
            id="hec-2-tied-isolated",
            says="With isolated inputs too.",
            source="own",
            paper="our control: with one vector for every expert",
            effect=None,
            expect=Difference(
                "mi_bits", "tied_experts", low=0.0, same=0.05, where={"input": "isolated"}
            ),
        ),
        Claim(
            id="hec-3",
            says="Read one by one, queries take three quarters of the time of two GRUs or less.",
            source="own",
            paper="our criterion: half of what goes to the feed-forward net, one half; 0.0083 s has no rival",
            effect=None,
            expect=Ratio("latency_s", "gru_gru", high=0.75, where={"together": 1}),
        ),
        Claim(
            id="hec-3-flops",
            says="Gate and experts take three quarters of the operations of two GRUs or less.",
            source="own",
            paper="our criterion: what the time should come from",
            effect=None,
            expect=Ratio("expert_flops", "gru_gru", high=0.75),
        ),
        Claim(
            id="hec-random",
            says="Its gate answers more than a random gate that takes the GRU as often.",
            source="own",
            paper="our control: is the choice worth anything?",
            effect=None,
            expect=Difference("accuracy", "random_gate", low=0.0),
        ),
    ),
)


@dataclass(frozen=True)
class Hecto:
    """A reader, and its gate."""

    reader: Reader
    gate: Gate


def prepare(task: ClassifyTask, point: Point, seed: int) -> Hecto:
    """Restore gate and experts."""
    reader = task.reader("hecto", int(point["batch"]))
    return Hecto(reader, top_1_gate(reader.mixture))


def solve(hecto: Hecto, case: QuerySet, point: Point) -> Reading:
    """Answer each query by the expert that the gate chooses."""
    return hecto.reader.read(case, hecto.gate)
