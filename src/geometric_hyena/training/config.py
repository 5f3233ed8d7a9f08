"""Typed, frozen configuration of a run, the same for every recipe but for its data."""

from dataclasses import dataclass, field

from geometric_hyena.errors import InputError


@dataclass(frozen=True)
class NetworkConfig:
    """Size and shape of the model.

    Attributes:
        hidden_dim: scalar channels, and width of the messages.
        vector_channels: vector channels (1 is the paper's reading).
        blocks: number of blocks.
        global_tokens: global context tokens per sequence.
        distance_bumps: Gaussian features of the distance (0: the squared distance alone, as in the paper).
        conv_norm: scale of the convolutions: length (1/N), sqrt_length or none.
    """

    hidden_dim: int = 64
    vector_channels: int = 8
    blocks: int = 3
    global_tokens: int = 4
    distance_bumps: int = 16
    conv_norm: str = "length"


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam with linear warm-up and cosine decay to zero.

    Attributes:
        learning_rate: largest learning rate.
        weight_decay: L2 penalty of Adam.
        warmup: part of the steps over which the rate rises to its largest.
        clip: largest norm of the gradient.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    warmup: float = 0.05
    clip: float = 1.0


@dataclass(frozen=True)
class RunConfig:
    """What every recipe has.

    Attributes:
        model: name of the model.
        epochs: passes over the training data.
        batch_size: molecules per step.
        seed: of weights and order of samples.
        out: run directory (default: runs/RECIPE-MODEL-seedN).
        threads: CPU threads; 0: as many as there are cores.
        accelerator: auto, cpu or gpu.
        network: size and shape of the model.
        optimizer: how it learns.
    """

    model: str = "geometric-hyena"
    epochs: int = 20
    batch_size: int = 1
    seed: int = 0
    out: str | None = None
    threads: int = 0
    accelerator: str = "auto"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)


def check_run_config(config: RunConfig) -> None:
    """Check the values that need no data.

    Raises:
        InputError: naming the first value that cannot be used.
    """
    at_least_one = {
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "network.hidden_dim": config.network.hidden_dim,
        "network.vector_channels": config.network.vector_channels,
        "network.blocks": config.network.blocks,
        "network.global_tokens": config.network.global_tokens,
    }
    for name, value in at_least_one.items():
        if value < 1:
            raise InputError(f"{name}: expected at least 1, got {value}")
    if config.network.conv_norm not in ("length", "sqrt_length", "none"):
        raise InputError(
            f"network.conv_norm: expected length, sqrt_length or none, got '{config.network.conv_norm}'"
        )
    if not config.optimizer.learning_rate > 0:
        raise InputError(
            f"optimizer.learning_rate: expected a positive number, got {config.optimizer.learning_rate}"
        )
    if not 0 <= config.optimizer.warmup < 1:
        raise InputError(f"optimizer.warmup: expected a part from 0 to 1, got {config.optimizer.warmup}")
    if config.accelerator not in ("auto", "cpu", "gpu"):
        raise InputError(f"accelerator: expected auto, cpu or gpu, got '{config.accelerator}'")
