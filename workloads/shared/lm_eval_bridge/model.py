r"""Makes any method of a language task an lm-eval model, so that lm-eval's tasks score adaptive methods.

    adabench-lm-eval run --model adabench --tasks gsm8k \
        --model_args method=text/majority,model=smollm2,N=8,out=runs/majority

takes what `lm_eval` takes, and `adabench-lm-eval write FOLDER data=FILE.jsonl` makes questions of `text` a task for any model. A program
of your own imports this module (lm-eval 0.4.13 and older look for no entry points). `--model_args` names the method, `seed`, `scale` and
`out`; every other name is a knob or a condition. lm-eval's own `--device` and `--batch_size` are not read.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from adabench.harness.contract.card import Scalar
from adabench.harness.errors import AdabenchError, SelectionError, require
from adabench.workloads.shared.lm_eval_bridge.cost_journals import CostJournals
from adabench.workloads.shared.lm_eval_bridge.request import Likelihood, Request
from adabench.workloads.shared.lm_eval_bridge.subject import subject
from adabench.workloads.shared.lm_eval_bridge.text_requests import TextRequests
from adabench.workloads.shared.lm_eval_bridge.text_subject import text_subject
from adabench.workloads.shared.lm_eval_bridge.text_tasks import write_asked
from adabench.workloads.shared.lm_eval_bridge.window_requests import WindowRequests

require("lm_eval", extra="eval")
# lm-eval registers its own models only where nobody has registered one: ours is to join them.
require("lm_eval.models", extra="eval")
LM = require("lm_eval.api.model", extra="eval").LM

NOT_OURS = ("batch_size", "max_batch_size", "trust_remote_code", "metadata")
"""What lm-eval adds to every model's arguments."""
WRITE = "write"
VERBS = ("run", "ls", "list", "validate", "--tasks")
"""Words of lm-eval's command line that tell it to look for tasks."""
TEXT = "text"
WINDOWS = "pretrained"
FOLDER = Path(__file__).with_name("yaml")
"""Tasks of ours that lm-eval finds: what `--include_path` has to name."""


class AdaptiveModel(LM):  # type: ignore[misc, valid-type]
    """A method of `text` or `pretrained`, as lm-eval sees a model."""

    def __init__(
        self,
        method: str = "",
        seed: int = 0,
        scale: str = "embedded",
        out: str | None = None,
        **asked: Scalar,
    ) -> None:
        """Load the method; `asked` are its knobs and its task's conditions.

        Raises:
            SelectionError: for a method, knob or value that does not exist, or a method of a
                task that does not read text.
            EnvironmentProblem: if a package, a device, a network or a server is missing.
        """
        super().__init__()
        ours = {name: value for name, value in asked.items() if name not in NOT_OURS}
        task, number = _task_of(method), _seed(seed)
        self.journals = CostJournals(Path(out) if out else None)
        self._text: TextRequests | None = None
        if task == TEXT:
            text = text_subject(method, number, scale, ours)
            self._requests: TextRequests | WindowRequests = TextRequests(text, self.journals)
            self._text, self.subject = self._requests, text.made
        else:
            self.subject = subject(method, number, scale, ours)
            self._requests = WindowRequests(self.subject, self.journals)

    @classmethod
    def create_from_arg_string(
        cls, arg_string: str, additional_config: dict[str, Any] | None = None
    ) -> Self:
        """Make it from `--model_args`; lm-eval's own device is not ours."""
        made: Self = super().create_from_arg_string(arg_string, _without_device(additional_config))
        return made

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> Self:
        """Make it from arguments; lm-eval's own device is not ours."""
        made: Self = super().create_from_arg_obj(arg_dict, _without_device(additional_config))
        return made

    def generate_until(self, requests: list[Request], disable_tqdm: bool = False) -> list[str]:
        """Answer each prompt, searching as the method does."""
        del disable_tqdm
        with self.journals.opened():
            return self._requests.generated(requests)

    def loglikelihood(
        self, requests: list[Request], disable_tqdm: bool = False
    ) -> list[Likelihood]:
        """Read context and continuation, and return how likely the continuation was."""
        del disable_tqdm
        with self.journals.opened():
            return self._requests.likelihoods(requests)

    def loglikelihood_rolling(
        self, requests: list[Request], disable_tqdm: bool = False
    ) -> list[float]:
        """Read whole texts."""
        del disable_tqdm
        with self.journals.opened():
            return self._requests.rolling(requests)

    def apply_chat_template(
        self, chat_history: Sequence[Mapping[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """Return a conversation in the form of the model's template.

        Raises:
            SelectionError: if it has none.
        """
        if self._text is None:
            raise SelectionError(
                f"{self.subject.cell.address} has no chat template.",
                "Leave out --apply_chat_template.",
            )
        return self._text.text.chat(chat_history, asks=add_generation_prompt)

    @property
    def tokenizer_name(self) -> str:
        """Return what lm-eval's cache of prompts tells models apart by."""
        return str(self.subject.cell.conditions.get("model", self.subject.cell.address))

    def get_model_info(self) -> dict[str, Any]:
        """Return what solving cost, on average, for lm-eval to put beside its results."""
        return {"adabench": {"cell": self.subject.cell.to_json(), **self.journals.summary()}}


require("lm_eval.api.registry", extra="eval").register_model("adabench")(AdaptiveModel)


def _task_of(method: str) -> str:
    task = method.partition("/")[0]
    if not method:
        raise SelectionError(
            "--model_args names no method.", "For example: method=text/majority,model=smollm2,N=8"
        )
    if task not in (TEXT, WINDOWS):
        raise SelectionError(
            f"lm-eval's tasks are text, and {method} does not read text.",
            f"Methods of {TEXT} and {WINDOWS} do.",
        )
    return task


def _seed(seed: object) -> int:
    try:
        return int(str(seed))
    except ValueError as problem:
        raise SelectionError(
            f"seed cannot be {seed!r}.", "It is a whole number, such as seed=0."
        ) from problem


def _without_device(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Leave out lm-eval's `--device`: it is cuda:0 unless one says otherwise."""
    return {name: value for name, value in (config or {}).items() if name != "device"}


def main() -> None:
    """Be `lm_eval`, with our model and our tasks known to it; `write` writes a task."""
    words = sys.argv[1:]
    try:
        if words[:1] == [WRITE]:
            sys.stdout.write(f"{write_asked(words[1:])}\n")
            return
        given = any(word.startswith("--include_path") for word in words)
        if not given and any(word in VERBS for word in words):
            sys.argv += ["--include_path", str(FOLDER)]
        require("lm_eval.__main__", extra="eval").cli_evaluate()
    except AdabenchError as problem:
        sys.stderr.write(f"adabench: {problem.message}\n  {problem.hint}\n")
        raise SystemExit(problem.exit_code) from None


if __name__ == "__main__":
    main()
