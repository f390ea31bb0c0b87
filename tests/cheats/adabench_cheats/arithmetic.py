"""What a language model is asked to do, done by Python."""

from adabench.workloads.shared.language_model.vocabulary import EOS, decode, encode

SIGNS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


def completion(prompt: tuple[int, ...]) -> tuple[int, ...]:
    """Return the worked solution of a prompt, every step right."""
    words = decode(prompt).replace("<bos>", "").replace(">", "").split()
    numbers, signs, digits = [], [], ""
    for word in words:
        if word in SIGNS:
            numbers.append(int(digits))
            signs.append(word)
            digits = ""
        else:
            digits += word
    numbers.append(int(digits))
    value, text = numbers[0], []
    for sign, number in zip(signs, numbers[1:], strict=True):
        result = SIGNS[sign](value, number) % 100
        text.append(f"{_digits(value)} {sign} {_digits(number)} = {_digits(result)} ;")
        value = result
    return (*encode(" ".join(text)), EOS)


def _digits(value: int) -> str:
    return " ".join(f"{value:02d}")
