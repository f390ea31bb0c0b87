"""ReAct: the policy calls a tool, reads what it says, and calls the next one, until it answers.

    loop   thought and action, up to `=`     one call of the model
           what the tool said                is put behind it
    ends   on an answer, a declared failure, or after `steps` actions

How many calls a question gets follows from what comes back: a call that failed is made again or by another
tool, a dead end ends it. Two rows are taken by a draw of the policy's own; it does not look back.

**What is simplified.** A policy of 0.12 million weights writes the action without a thought in words.

**What to expect.** Written before measuring. Facts: 0.67, 0.57, 0.48 at 2, 3 and 4 hops, about 4.3 calls of the
model; `mix` 0.7; sums 0.75. Latency has a tail: episodes differ by their hops and their faults, p95 over
p50 about 1.6, against 1.3 of a chain that has one call. With a reuse of what was read the words read fall
to a third or a quarter, since contexts are short here and grow by each call. At rising rates the queue
grows; the answers stay the same to the bit. The model is idle for a third of the time at tools of
microseconds, and for more than half where a look-up reads a million rows.

**Ways to fake it.** A loop that counts calls and makes none; tools that say which row is right; a cache
that is counted and not run; a queue without requests that wait.
"""

from adabench.harness.contract.card import Ability, Card, Claim, Knob, Monotone, Point, Ratio
from adabench.workloads.agents.agents.substrate.agent_server import Load
from adabench.workloads.agents.agents.substrate.desk import Agent, Desk
from adabench.workloads.agents.agents.substrate.request_stream import Ids, Stream
from adabench.workloads.agents.agents.substrate.stream_task import AgentStreams

CARD = Card(
    title="ReAct",
    paper="The Cost of Dynamic Reasoning, arXiv 2506.04301; ReAct, arXiv 2210.03629",
    slug="agents-cost",
    adapts="nothing: how many calls there are follows from what tools return",
    role="static",
    fidelity="reconstructed",
    abilities=(Ability("table", unless={"entries": 0}),),
    knobs=(
        Knob("qps", (0.0, 1.0, 16.0, 256.0), 0.0, open=True, low=0.0),
        Knob("steps", (24,), 24, open=True, low=1),
        Knob("entries", (0, 100_000, 300_000, 1_000_000), 0, open=True, low=0),
    ),
    claims=(
        Claim(
            id="AC-calls",
            says="An agent calls its model nine times where a chain of thought calls it once.",
            source="headline",
            paper="9.2 times the calls of a chain of thought, on average over agents and benchmarks",
            effect=9.2,
            expect=Ratio("llm_calls", against="cot", where={"qps": 0.0}),
            apart_from=(),
            no_rival="A cost and no merit: whoever calls tools pays it.",
        ),
        Claim(
            id="AC-tail",
            says="Its latencies are spread wider than those of a single call.",
            source="measured",
            paper="p95 of 20.7 s and 50.8 s against 9.7 s of single turns; no median is given",
            effect=None,
            expect=Ratio("p95_over_p50", against="cot", low=1.2, where={"qps": 0.0}),
            apart_from=(),
            no_rival="A cost and no merit: it is not told apart from other agents.",
        ),
        Claim(
            id="AC-idle",
            says="The slower its tools are, the longer the model stands idle.",
            source="measured",
            paper="idle for up to 54.5 % of a request; the share follows from the tools, of 1.2 s or of 20 ms",
            effect=None,
            expect=Monotone(
                "idle_share", over="entries", rising=True, tolerance=0.02,
                where={"qps": 0.0}, groups=("kb", "mix"),
            ),
            apart_from=(),
            no_rival="A cost and no merit: whoever waits for tools pays it.",
        ),
        Claim(
            id="AC-prefix",
            says="A prefix cache spares three in five of the words that are read.",
            source="headline",
            paper="prefill time 60.1 % less with prefix caching (58.6 % in the first version)",
            effect=0.399,
            share=0.56,
            expect=Ratio("prefilled", against="react_nocache", where={"qps": 0.0}),
            apart_from=(),
            no_rival="Held against the same agent without a cache: who calls no tool reads less anyway.",
        ),
        Claim(
            id="AC-prefix-time",
            says="It spares as much of the time that reading takes.",
            source="own",
            paper="counts alone could be worked out; the time was really spared",
            effect=None,
            expect=Ratio("prefill_s", against="react_nocache", high=0.6, where={"qps": 0.0}),
        ),
        Claim(
            id="AC-same-cache",
            says="With and without a prefix cache every answer is the same, word for word.",
            source="check",
            paper="what is kept is what would be read again",
            effect=None,
            expect=Ratio(
                "answers_digest", against="react_nocache", low=1.0, high=1.0, every=True,
                where={"qps": 0.0},
            ),
        ),
        Claim(
            id="AC-same-load",
            says="At one and at sixteen requests a second every answer is the same, word for word.",
            source="check",
            paper="rows of a batch are computed one by one",
            effect=None,
            expect=Ratio(
                "answers_digest", against="react", low=1.0, high=1.0, every=True,
                where={"qps": 16.0}, there={"qps": 1.0},
            ),
        ),
    ),
)  # fmt: skip


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of one greedy episode each."""
    steps = int(point["steps"])

    def agent(desk: Desk) -> Agent:
        branch = desk.begin("act")
        for _ in range(steps):
            yield desk.advance([branch])
            if desk.ended(branch):
                break
        desk.offer(branch)

    return task.serve(stream, agent, Load(float(point["qps"]), entries=int(point["entries"])))
