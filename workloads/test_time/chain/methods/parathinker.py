"""ParaThinker: a policy that writes P paths side by side and sums them up, reading them where they are held.

    prompt  ->  <think1> path 1     <think2> path 2     ...     <thinkP> path P           P sequences of one batch
            ->  <summary> ans value <eos>                                             one sequence behind all of them

Paths share the prompt's keys and values and begin at the same rotary place; each word is read together with the thought embedding of its path
(`pooled/thought_model.py`). Behind them stands a summary whose mask takes in all of them and whose place is behind the longest: nothing is run again, of the
summary one word is forced and three are drawn. The policy was trained on packed texts of six paths (`training/train_paths.py`), so P may be up to 8.

**What is simplified.** The paper trains models of 1.5B and 7B on traces of a larger one; here the policy of `orders` goes on from paths of its own. Paths are
solutions of four steps, all of the same length, so that the first that finishes finishes all; a summary is one value, drawn greedily, without a text that
compares paths. Thought embeddings are one table a layer, the same for keys and values. The paper's modified engine could not be read: mask, places and
segments are those of its collator.

**What to expect.** Written before training (docs/log/parathinker.md).

**Ways to fake it.** A vote in the program in place of the summary; paths that are read again while reuse is claimed; places that differ between training
and inference; paths that are always right, so that any may be copied; counting the serial words alone.
"""

from collections.abc import Sequence

import numpy as np

from adabench.harness.contract.card import Ability, Card, Knob, Point, Variant
from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.pooled.thought_model import SUMMARY, THINK
from adabench.workloads.shared.language_model.random_draws import uniform
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import VOCABULARY
from adabench.workloads.test_time.chain.substrate.paths import SUMMARY_WORDS, path_room
from adabench.workloads.test_time.chain.substrate.tries import word_of
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.voting import vote

CARD = Card(
    title="ParaThinker",
    paper="ParaThinker: Native Parallel Thinking as a New Paradigm to Scale LLM Test-time Compute, arXiv 2509.04475, 2025",
    slug="parathinker",
    adapts="what is answered, on paths of the question that the policy wrote side by side and reads where they are held",
    no_signal="paths meet inside the model, and a session merges none of another question; `path_coin`",
    fidelity="paper",
    conditions={"format": "paths", "lengths": "4"},
    abilities=(Ability("merges"),),
    fixed={"by": "summary", "think": "own", "effort": 1.0, "begin": 0},
    knobs=(Knob("P", (1, 2, 4, 8), 8, open=True, low=1, high=8),),
    variants=(
        Variant(
            "path_coin",
            "One of the paths, by coin",
            {"by": "coin"},
            knobs=(Knob("P", (1, 8), 8),),
            control_of=("parathinker",),
            essay="""The same paths, of which any is answered with: what they cost, and nothing of what they say together.

            **What to expect.** Written before measuring: one path's answers.

            **Ways to fake it.** Other paths.
            """,
        ),
        Variant(
            "paths_unread",
            "A summary of the first path alone",
            {"by": "first"},
            knobs=(Knob("P", (1, 8), 8),),
            control_of=("parathinker",),
            essay="""All paths are written and paid for, and the summary reads the first.

            **What to expect.** Written before measuring: one path's answers, within a point.

            **Ways to fake it.** A policy that never learned to sum up one path.
            """,
        ),
        Variant(
            "paths_one_word",
            "Paths behind one and the same word",
            {"think": "same", "P": 8},
            control_of=("parathinker",),
            essay="""All paths begin with the first path's word and have its thought embedding: they differ by their draws alone.

            **What to expect.** Written before measuring: within two points of ParaThinker.

            **Ways to fake it.** Equal draws for all of them.
            """,
        ),
        Variant(
            "paths_mixed",
            "Paths behind words in any order",
            {"think": "mixed", "P": 8},
            control_of=("parathinker",),
            essay="""The words that begin paths, and with them their thought embeddings, are dealt anew for each question.

            **What to expect.** Written before measuring: within two points of ParaThinker.

            **Ways to fake it.** An order that is the same for all questions.
            """,
        ),
        Variant(
            "paths_majority",
            "Majority of the same paths",
            {"by": "majority"},
            knobs=(Knob("P", (4, 8), 8),),
            role="static",
            essay="""The same paths, each with one vote, and no summary.

            **What to expect.** Written before measuring: within three points of ParaThinker.

            **Ways to fake it.** Paths of a policy that was not trained as ParaThinker's was.
            """,
        ),
        Variant(
            "paths_serial",
            "One order after another (serial)",
            {"by": "serial", "P": 1},
            role="static",
            slug="parathinker",
            knobs=(Knob("effort", (0.25, 0.75, 1.0, 10.0), 10.0),),
            essay="""One sequence of a policy that was taught to try one order after another and to state what came up most: up to four, as many as the
            word of an effort says (`effort_start` of the format `tries`), at the temperature of paths.

            **What to expect.** Written before measuring: three to eight points less than ParaThinker at equal words.

            **Ways to fake it.** A policy of single solutions, whose depth buys nothing.
            """,
        ),
        Variant(
            "paths_reread",
            "Paths that are read again as one text",
            {"by": "reread", "P": 4},
            role="static",
            essay="""Paths of the same policy, which draws the word before each itself, one behind another in a new context, and the word of the summary behind
            them: all of them are run again, at places where training put none. The context holds the last six.

            **What to expect.** Written before measuring: one path's answers, and the words of all paths once more.

            **Ways to fake it.** Nothing run again.
            """,
        ),
        Variant(
            "paths_larger",
            "One path of a policy six times as large",
            {"by": "larger", "P": 1},
            role="static",
            essay="""One solution of `lm-x`, which misremembers half as many products, at the temperature of paths.

            **What to expect.** Written before measuring: ten points more than eight paths of the small policy.

            **Ways to fake it.** A larger policy that was not trained as well.
            """,
        ),
        Variant(
            "paths_begun",
            "A path that begins as a dissenting one did",
            {"by": "begun", "P": 8},
            role="static",
            slug="parathinker",
            knobs=(Knob("begin", (0, 2, 4), 0),),
            essay="""Of eight paths the first whose answer is not the majority's, the first of all where they agree: so many steps of it are put as a draft onto a
            new path, which the policy ends. No gold label is needed: where paths disagree the majority is right more often than who dissents.

            **What to expect.** Written before measuring: the more steps, the fewer right answers, since no later factor undoes a product.

            **Ways to fake it.** Beginnings that no path of the policy has.
            """,
        ),
    ),
)  # fmt: skip


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the summary of paths, or the path that is answered with.

    Raises:
        CapabilityMissing: if no policy was trained to sum up paths.
    """
    by = str(point["by"])
    with task.session(question, successor=by if by in ("serial", "larger") else "") as session:
        if by in ("serial", "larger"):
            (leaf,) = session.fork(session.open(), 1)
            if by == "serial":
                session.append([leaf], [[word_of(float(point["effort"]))]])
            session.decode([leaf])
            session.offer(leaf.completion)
            return session.best
        session.require("merge", "allow")
        paths = _write(session, question, point)
        bodies = [path.completion for path in paths]
        if by in ("summary", "first"):
            merged = session.merge(paths[:1] if by == "first" else paths)
            session.append([merged], [[SUMMARY]])
            _sum_up(session, merged)
        elif by == "reread":
            _sum_up(session, session.policy.resume(paths))
        elif by == "coin":
            session.offer(bodies[int(uniform(paths[0].key, 0) * len(paths))])
        elif by == "begun":
            _begin_anew(session, question, bodies, int(point["begin"]))
        else:
            session.offer(vote(bodies, [1.0] * len(bodies), session.answer))
    return session.best


def _write(session: Session, question: Question, point: Point) -> list[Seq]:
    """Return paths of a question, each behind its word."""
    count, root = int(point["P"]), session.open()
    words = list(THINK[:1] * count if point["think"] == "same" else THINK[:count])
    if point["think"] == "mixed":
        words.sort(key=lambda word: uniform(root.key, word))
    paths = session.fork(root, count)
    if point["by"] == "reread":  # attempts hold no forced words: each draws the one that it may
        open_ = np.zeros((count, VOCABULARY), np.bool_)
        open_[np.arange(count), words] = True
        session.decode(paths, max_new=1, allow=open_)
    else:
        session.append(paths, [[word] for word in words])
    session.decode(paths, max_new=path_room(question.prompt))
    return paths


def _sum_up(session: Session, behind: Seq) -> None:
    """Offer what the policy says behind paths and the word of a summary."""
    session.decode([behind], max_new=SUMMARY_WORDS, temperature=0.0)
    session.offer(behind.completion)


def _begin_anew(
    session: Session, question: Question, bodies: Sequence[tuple[int, ...]], begin: int
) -> None:
    """Offer a path that begins with so many steps of one that dissents."""
    stated = session.answer(vote(bodies, [1.0] * len(bodies), session.answer))
    whole = [body for body in bodies if session.answer(body) is not None] or list(bodies)
    taken = next((body for body in whole if session.answer(body) != stated), whole[0])
    (path,) = session.fork(session.open(), 1)
    session.append([path], [taken[:1]])
    room = path_room(question.prompt)
    words = begin * (room // (len(question.prompt) - 4))
    if begin:
        session.append([path], [taken[1 : 1 + words]], as_="draft")
    session.decode([path], max_new=room - words)
    session.offer(path.completion)
