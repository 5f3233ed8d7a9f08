"""`NBodyConfig`: which particles are simulated, for how long, and what is predicted from what.

Protocols, each the papers' system of charged particles (`simulation`):

egnn        frames 30 to 40 of EGNN's data, 3,000 trajectories (Satorras et al., 2021). Its frame f is saved
            at step 100 (f + 1): from step 3,100 to 4,100. No walls.
se3-hyena   from the initial state to step 1,000, 1,000 trajectories (SE(3)-Hyena, section 4.2). No walls.
fuchs       1,000 steps ahead from a random frame in training, from frames spread evenly over the simulation
            in validation and test; 3,000 trajectories; walls (Fuchs et al., 2020).
"""

from dataclasses import dataclass, replace

from geometric_hyena.errors import InputError

SAVED_EVERY = 100  # steps from frame to frame, where any frame may be the start; in training `train_every`
ANY_FRAME = -1


@dataclass(frozen=True)
class NBodyConfig:
    """Where charged particles are `lag` steps of 0.001 time units ahead.

    Attributes:
        protocol: egnn, se3-hyena or fuchs; it sets what is not given.
        particles: number of particles.
        train: training trajectories (egnn 3000, se3-hyena 1000, fuchs 3000).
        validation: validation trajectories (2000).
        test: test trajectories (2000).
        steps: steps that are simulated.
        start: step that is the input, -1: any saved one (egnn 3100, se3-hyena 0, fuchs -1).
        train_start: the same in training (as start); -1: any in half of the draws.
        train_every: steps from one frame that training may start from to the next.
        lag: steps from input to target.
        walls: reflect particles at the walls of the box |x| <= 5 (fuchs true, others false).
        augment: in training reorder, mirror, recharge, reverse (and rescale draws).
        scale: unit of length in which the model sees positions.
        seed: of the simulations; that of weights and order is another.
    """

    protocol: str = "egnn"
    particles: int = 5
    train: int | None = None
    validation: int | None = None
    test: int | None = None
    steps: int = 5000
    start: int | None = None
    train_start: int | None = None
    train_every: int = SAVED_EVERY
    lag: int = 1000
    walls: bool | None = None
    augment: bool = True
    scale: float = 4.0
    seed: int = 43


_PROTOCOLS = {
    "egnn": {"train": 3000, "start": 3100, "walls": False},
    "se3-hyena": {"train": 1000, "start": 0, "walls": False},
    "fuchs": {"train": 3000, "start": ANY_FRAME, "walls": True},
}


def resolve_config(config: NBodyConfig) -> NBodyConfig:
    """The configuration with everything that its protocol sets.

    Raises:
        InputError: naming the first value that cannot be used.
    """
    if config.protocol not in _PROTOCOLS:
        raise InputError(
            f"data.protocol: there is no '{config.protocol}'; choose one of: {', '.join(_PROTOCOLS)}"
        )
    preset = {"validation": 2000, "test": 2000, **_PROTOCOLS[config.protocol]}
    missing = {name: value for name, value in preset.items() if getattr(config, name) is None}
    config = replace(config, **missing)
    if config.train_start is None:
        config = replace(config, train_start=config.start)
    _check(config)
    return config


def start_steps(config: NBodyConfig) -> list[int]:
    """The steps that may be the input in validation and test, of a resolved configuration."""
    return _steps(config, config.start, SAVED_EVERY)


def train_start_steps(config: NBodyConfig) -> list[int]:
    """The steps that may be the input in training, of a resolved configuration."""
    return _steps(config, config.train_start, config.train_every)


def _steps(config: NBodyConfig, start: int | None, every: int) -> list[int]:
    if start is None or start == ANY_FRAME:
        return list(range(every, config.steps - config.lag, every))
    return [start]


def drawn_lags(config: NBodyConfig) -> list[int]:
    """Of a resolved configuration the lag; augmented, and without walls, all from 0.7 to 1.4 of it."""
    if config.walls or not config.augment:
        return [config.lag]
    lags = range(config.train_every, 2 * config.lag, config.train_every)
    return [lag for lag in lags if 0.7 * config.lag <= lag <= 1.4 * config.lag]


def _check(config: NBodyConfig) -> None:
    least = {"particles": 2, "train": 1, "validation": 1, "test": 1, "train_every": 1, "steps": 1, "lag": 1}
    for name, value in {**least, "start": ANY_FRAME, "train_start": ANY_FRAME}.items():
        if getattr(config, name) < value:
            raise InputError(f"data.{name}: expected at least {value}, got {getattr(config, name)}")
    if not config.scale > 0:
        raise InputError(f"data.scale: expected a positive length, got {config.scale}")
    if not 0 <= config.seed < 2**31:
        raise InputError(f"data.seed: expected a whole number from 0 to {2**31 - 1}, got {config.seed}")
    for name, every in (("start", SAVED_EVERY), ("train_start", config.train_every)):
        _check_start(config, name, every)


def _check_start(config: NBodyConfig, name: str, every: int) -> None:
    start = getattr(config, name)
    if start == ANY_FRAME and config.lag % every:
        raise InputError(
            f"data.lag: with data.{name} -1 there is a frame every {every} steps; give a multiple of that, "
            f"not {config.lag}"
        )
    # The papers' simulation ends one step before its last frame.
    last = (every + 1 if start == ANY_FRAME else start) + config.lag
    if last > config.steps:
        raise InputError(
            f"data.lag: the target lies at step {last} and only {config.steps} are simulated; "
            f"lower data.{name} or data.lag, or raise data.steps"
        )
