"""Constructors that pass some options on to the one they extend, and still say which."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")


def passing_on(options: type, to: type) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Decorator of a constructor whose `**options: Unpack[options]` goes to the constructor of `to`.

    Whoever asks for its signature is told every option with its default, which stands in `to` alone; an
    option that `to` has and `options` lacks is refused.

    Args:
        options: a TypedDict of the options that are passed on.
        to: the class whose constructor has them, by the same names.
    """
    known = inspect.signature(to).parameters
    passed = [known[name] for name in options.__annotations__]

    def decorate(init: Callable[P, None]) -> Callable[P, None]:
        *own, _ = inspect.signature(init).parameters.values()
        keywords = [p for p in own if p.kind is inspect.Parameter.KEYWORD_ONLY]
        others = [p for p in own if p not in keywords]
        signature = inspect.Signature([*others, *passed, *keywords])

        @wraps(init)
        def checked(*args: P.args, **kwargs: P.kwargs) -> None:
            signature.bind(*args, **kwargs)
            init(*args, **kwargs)

        checked.__dict__["__signature__"] = signature
        return checked

    return decorate
