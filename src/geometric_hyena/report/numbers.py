"""Numbers as a reader wants them: few digits, never a false precision, never hidden when not finite."""

import math


def format_number(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits; NaN and infinities are named."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 6:
        text = f"{value:,.{max(digits - 1 - exponent, 0)}f}"
    else:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        text = f"{mantissa}e{int(power)}"
    return text.replace("-", "−")


def format_ratio(value: float) -> str:
    """A ratio to two decimals, with more where fewer would read as 1.00."""
    if not math.isfinite(value):
        return format_number(value)
    decimals = 2
    while decimals < 5 and value != 1 and round(value, decimals) == 1:
        decimals += 1
    return f"{value:,.{decimals}f}"


def squared_unit(unit: str) -> str:
    """The unit of a squared error, with the space before it; nothing where values have no unit."""
    return f" {unit}²" if unit else ""


def in_brackets(unit: str) -> str:
    """ " (unit)", for headings and axes; nothing where values have no unit."""
    return f" ({unit.strip()})" if unit.strip() else ""


def format_value(value: object) -> str:
    """Any value as text: floats short, whole numbers and text as they are."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, float):
        return format_number(value, 4)
    return str(value)
