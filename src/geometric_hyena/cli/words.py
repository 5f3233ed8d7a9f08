"""Small parsers for verbs with a few plain options."""

from collections.abc import Mapping, Sequence

from geometric_hyena.errors import InputError


def take_options(words: Sequence[str], names: Sequence[str], verb: str) -> tuple[list[str], dict[str, str]]:
    """Separate positional words from `--name value` or `--name=value`.

    Raises:
        InputError: for an unknown option, or one without value.
    """
    positional, options = [], {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            positional.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name not in names:
            raise InputError(f"unknown option --{name}; see ghyena {verb} --help")
        if not equals:
            if not rest:
                raise InputError(f"--{name}: expected a value; see ghyena {verb} --help")
            value = rest.pop(0)
        options[name] = value
    return positional, options


def split_option(words: Sequence[str], name: str) -> tuple[str | None, list[str]]:
    """Value of one `--name value` or `--name=value` (None where it is not given), and the other words.

    Raises:
        InputError: where it has no value.
    """
    value, rest, others = None, list(words), []
    while rest:
        word = rest.pop(0)
        if word.partition("=")[0] != f"--{name}":
            others.append(word)
            continue
        value = word.partition("=")[2]
        if "=" not in word:
            if not rest:
                raise InputError(f"--{name}: expected a value")
            value = rest.pop(0)
    return value, others


def take_flag(words: Sequence[str], name: str) -> tuple[bool, list[str]]:
    """Whether `--name`, an option without a value, is among the words, and the others."""
    others = [word for word in words if word != f"--{name}"]
    return len(others) < len(words), others


def wants_help(words: Sequence[str]) -> bool:
    """Whether help was asked for."""
    return any(word in ("-h", "--help", "--help-all") for word in words)


def whole_number(options: Mapping[str, str], name: str, most: int | None = None) -> int | None:
    """The value of an option that is a whole number from 1 on; None where it is not given.

    Raises:
        InputError: where it is none, or above `most`; without it, absurdly large.
    """
    text = options.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= (most or 100_000)):
        bound = "on" if most is None else f"to {most}"
        raise InputError(f"--{name}: expected a whole number from 1 {bound}, got '{text}'")
    return int(text)


def comma_separated(options: Mapping[str, str], name: str) -> list[str]:
    """The words of an option like `--models A,B`; none where it is not given."""
    return [word for word in options.get(name, "").split(",") if word]
