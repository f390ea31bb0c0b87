"""What a language model is asked to do, done by Python."""

from adabench.workloads.shared.language_model.vocabulary import EOS, decode, encode


def completion(prompt: tuple[int, ...]) -> tuple[int, ...]:
    """Return a worked solution of a prompt, its factors in the order stated, every product right."""
    first, _, *factors = decode(prompt).replace("<bos>", "").replace(">", "").split()
    value, slots, text = int(first), list(factors), []
    for place, factor in enumerate(factors):
        slots[place] = "?"
        result = value * int(factor) % 97
        text.append(f"{value} * {factor} = {result} : {' '.join(slots)} ;")
        value = result
    return (*encode(" ".join(text)), EOS)
