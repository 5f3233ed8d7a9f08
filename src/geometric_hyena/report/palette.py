"""The colours of a report: one meaning a colour, in plots, tables and the 3D view alike.

Plots are drawn with the light theme's hex values; `themed` then swaps each of them in a figure's SVG for
the CSS variable of the same meaning, so that the figure follows the page into dark mode.
"""

INK = "#1c2530"  # text, axes
MUTED = "#66707d"  # secondary text
RULE = "#dde2e8"  # grid lines, borders
PAPER = "#ffffff"  # background
MODEL = "#d9600f"  # whatever the model says
REFERENCE = "#8a94a0"  # what was measured, and the trivial baselines
BETTER = "#1f9e89"  # the model gains here
WORSE = "#b3202c"  # the model loses here
CHAIN = "#3d6ea6"  # the molecule itself

CSS_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    PAPER: "--paper",
    MODEL: "--model",
    REFERENCE: "--reference",
    BETTER: "--better",
    WORSE: "--worse",
    CHAIN: "--chain",
}

# From small to large values; none of the stops is near white, black or MODEL, so that the scale reads on
# both themes and under the arrows.
RAMP = ("#7fc4cc", "#5b8fd0", "#6a55b8", "#96309a", "#c4125f")

# Levels of the depth cue: level 0 is farthest from the eye and almost fades into the paper.
DEPTH_LEVELS = 10
_FARTHEST_SHARE = 0.25


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _share(level: int) -> float:
    return _FARTHEST_SHARE + (1 - _FARTHEST_SHARE) * level / (DEPTH_LEVELS - 1)


def depth_shade(level: int) -> str:
    """Hex colour of depth `level`, 0 (far: pale) to DEPTH_LEVELS - 1 (near: CHAIN)."""
    share = _share(level)
    channels = zip(_channels(CHAIN), _channels(PAPER), strict=True)
    mixed = (round(share * color + (1 - share) * paper) for color, paper in channels)
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def themed(svg: str) -> str:
    """The SVG text with every palette colour replaced by its CSS variable."""
    # The nearest level is CHAIN itself, which has a variable of its own.
    for level in range(DEPTH_LEVELS - 1):
        percent = round(100 * _share(level))
        svg = svg.replace(depth_shade(level), f"color-mix(in srgb, var(--chain) {percent}%, var(--paper))")
    for color, variable in CSS_VARIABLES.items():
        svg = svg.replace(color, f"var({variable})")
    return svg
