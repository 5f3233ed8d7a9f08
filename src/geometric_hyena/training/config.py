"""Typed, frozen configuration of a run, the same for every recipe but for its data."""

from dataclasses import asdict, dataclass, field
from typing import ClassVar

from geometric_hyena.errors import InputError, shown
from geometric_hyena.models.geometric_hyena import SWITCHES
from geometric_hyena.models.serialised import check_order
from geometric_hyena.models.steerable_hyena import check_degrees


@dataclass(frozen=True)
class NetworkConfig:
    """Size and shape of the model.

    Attributes:
        hidden_dim: scalar channels, and width of the messages.
        vector_channels: vector channels (1 is the paper's reading).
        blocks: number of blocks.
        global_tokens: global context tokens per sequence.
        distance_bumps: Gaussian features of the distance (0: its square alone, as in the paper).
        distances: of messages: input, or moved (as blocks have moved positions).
        conv_norm: scale of the convolutions: length (1/N), sqrt_length or none.
        order: of tokens: natural, axis, curve, random, displaced:F (a part F).
        local_messages: whether neighbours send messages.
        global_messages: whether global context tokens send messages.
        long_conv: whether geometric-hyena's blocks have the long convolution.
        gate: what geometric-hyena gates: qk (the convolution), k (the keys) or none.
        kv_norm: geometric-hyena's norm of keys and values: l2, l1, linf or none.
        interaction: whether scalars and vectors meet in geometric-hyena's convolution.
        padding: geometric-hyena's convolution: circular, or zero (no wrap).
        degrees: degrees of steerable-hyena's features, with 0 and 1 among them.
        scalarisation: whether steerable-hyena couples degrees above 1 with scalars only.
    """

    hidden_dim: int = 48
    vector_channels: int = 16
    blocks: int = 2
    global_tokens: int = 4
    distance_bumps: int = 0
    distances: str = "input"
    conv_norm: str = "length"
    order: str = "natural"
    local_messages: bool = True
    global_messages: bool = True
    long_conv: bool = True
    gate: str = "qk"
    kv_norm: str = "l2"
    interaction: bool = True
    padding: str = "circular"
    degrees: str = "0,1,2"
    scalarisation: bool = False


@dataclass(frozen=True)
class OptimizerConfig:
    """Adam with linear warm-up and cosine decay to zero; the moving average of the weights is what is kept.

    Attributes:
        learning_rate: largest learning rate.
        weight_decay: L2 penalty of Adam.
        warmup: part of the steps over which the rate rises to its largest.
        clip: largest norm of the gradient.
        averaging: decay per step of the weights' moving average, less at first; 0: none.
    """

    learning_rate: float = 2e-3
    weight_decay: float = 1e-5
    warmup: float = 0.05
    clip: float = 1.0
    averaging: float = 0.99


@dataclass(frozen=True)
class RunConfig:
    """What every recipe has.

    Attributes:
        model: name of the model.
        match_parameters: its size, met within 5 % by network.hidden_dim; 0: as configured.
        epochs: passes over the training data.
        batch_size: molecules per step, in all processes together.
        seed: of weights and order of samples.
        out: run directory (default: runs/RECIPE-MODEL-seedN).
        threads: CPU threads; 0: as many as there are cores; runs side by side: 1 each.
        accelerator: auto, cpu or gpu.
        devices: processes on each node, one a GPU.
        nodes: number of nodes.
        network: size and shape of the model.
        optimizer: how it learns.
    """

    # Options of the recipe's data that may be given without their "data.".
    aliases: ClassVar[tuple[str, ...]] = ()

    model: str = "geometric-hyena"
    match_parameters: int = 0
    epochs: int = 15
    batch_size: int = 1
    seed: int = 0
    out: str | None = None
    threads: int = 0
    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    network: NetworkConfig = field(default_factory=NetworkConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)


def changed_network(config: RunConfig) -> list[str]:
    """Options of the network that are not as the recipe has them by default."""
    default = asdict(type(config)().network)
    return [name for name, value in asdict(config.network).items() if value != default[name]]


def check_run_config(config: RunConfig) -> None:
    """Check the values that need no data.

    Raises:
        InputError: naming the first value that cannot be used.
    """
    # The largest are beyond every use, and below what PyTorch can count.
    for name, value, largest in (
        ("epochs", config.epochs, 10**7),
        ("batch_size", config.batch_size, 10**7),
        ("devices", config.devices, 10**5),
        ("nodes", config.nodes, 10**5),
        ("network.hidden_dim", config.network.hidden_dim, 2**16),
        ("network.vector_channels", config.network.vector_channels, 2**16),
        ("network.blocks", config.network.blocks, 1000),
        ("network.global_tokens", config.network.global_tokens, 2**16),
    ):
        if not 1 <= value <= largest:
            limit = "at least 1" if value < 1 else f"at most {largest}"
            raise InputError(f"{name}: expected {limit}, got {shown(value, 30)}")
    not_negative = {
        "optimizer.weight_decay": config.optimizer.weight_decay,
        "optimizer.clip": config.optimizer.clip,
    }
    for name, value in not_negative.items():
        if not 0 <= value < float("inf"):
            raise InputError(f"{name}: expected zero or more, got {value}")
    # More threads than a process can have would end it without a word; seeds are multiplied (loop.py);
    # matching builds models of up to four times the size asked for.
    for name, value, largest in (
        ("threads", config.threads, 1024),
        ("seed", config.seed, 2**31 - 1),
        ("match_parameters", config.match_parameters, 10**8),
        ("network.distance_bumps", config.network.distance_bumps, 2**16),
    ):
        if not 0 <= value <= largest:
            raise InputError(f"{name}: expected a whole number from 0 to {largest}, got {value}")
    for name, known in SWITCHES.items():
        value = getattr(config.network, name)
        if value not in known:
            raise InputError(f"network.{name}: expected {' or '.join(known)}, got '{value}'")
    check_order(config.network.order, "network.order")
    check_degrees(config.network.degrees, "network.degrees")
    if not 0 < config.optimizer.learning_rate < float("inf"):
        raise InputError(
            f"optimizer.learning_rate: expected a positive number, got {config.optimizer.learning_rate}"
        )
    if not 0 <= config.optimizer.warmup < 1:
        raise InputError(f"optimizer.warmup: expected a part from 0 to 1, got {config.optimizer.warmup}")
    if not 0 <= config.optimizer.averaging < 1:
        raise InputError(
            f"optimizer.averaging: expected a decay from 0 to below 1, got {config.optimizer.averaging}"
        )
    if config.accelerator not in ("auto", "cpu", "gpu"):
        raise InputError(f"accelerator: expected auto, cpu or gpu, got '{config.accelerator}'")


def check_dropout(dropout: float) -> None:
    """Raise InputError unless this part can be left out in training."""
    if not 0 <= dropout < 1:
        raise InputError(f"dropout: expected a part from 0 to below 1, got {dropout}")
