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

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.classify.substrate.experts import top_1_gate
from adabench.workloads.depth_width.classify.substrate.reading import ClassifyTask, GatedReader

CARD = Card(
    title="Hecto",
    paper="Hecto: Modular Sparse Experts for Adaptive and Interpretable Reasoning, arXiv 2506.22919, "
    "June 2025",
    slug="hecto",
    adapts="whether a GRU or a feed-forward net answers a query, on the encoder's summary of it",
    no_signal="a run has one case, of many queries; `random_gate` draws at the gate's own shares",
    fidelity="reconstructed",
    skips_from="both",
    knobs=(Knob("batch", (64,), 64, at="prepare", also=(16, 256)),),
)


def prepare(task: ClassifyTask, point: Point, seed: int) -> GatedReader:
    """Restore gate and experts."""
    reader = task.reader("hecto", int(point["batch"]))
    return GatedReader(reader, top_1_gate(reader.mixture))


solve = GatedReader.answer
