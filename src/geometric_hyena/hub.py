"""Models in folders and on the Hugging Face hub: config.json, model.safetensors and a card, README.md."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from geometric_hyena.errors import InputError, MissingDependencyError
from geometric_hyena.files import make_folder, replacing
from geometric_hyena.hub_card import CARD
from geometric_hyena.models.geometric_hyena import GeometricOutput
from geometric_hyena.models.readouts import (
    MoleculeReadout,
    PooledVectorReadout,
    ResidueReadout,
    SumReadout,
    VectorReadout,
)
from geometric_hyena.models.registry import (
    build_model,
    check_gives,
    check_options,
    defaults_of,
    output_scalars,
)
from geometric_hyena.models.size import parameter_count

try:
    from huggingface_hub import ModelCard, PyTorchModelHubMixin, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
except ImportError:
    raise MissingDependencyError("huggingface_hub", "hub", "geometric_hyena.hub") from None

if TYPE_CHECKING:
    from geometric_hyena.geometry.graph import GeometricBatch

READOUTS = {
    "vector": VectorReadout,
    "pooled-vector": PooledVectorReadout,
    "residue": ResidueReadout,
    "molecule": MoleculeReadout,
}
_SHIPPED = Path(__file__).parent / "pretrained"
_WEIGHTS = "model.safetensors"


class PretrainedModel(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="geometric-hyena",
    tags=["equivariance", "long-convolution", "biomolecules"],
    model_card_template=CARD,
):
    """Any model by its name, with or without a readout, that knows what it was made with::

        model = PretrainedModel("geometric-hyena", scalar_dim=20, hidden_dim=64)
        model.save_pretrained("my-model")                           # a folder, no network
        model = PretrainedModel.from_pretrained("my-model")         # or USER/NAME on the hub

    `from_pretrained` gives a model in evaluation mode; `push_to_hub` is the hub's own.

    Args:
        name: of a model, one of `ghyena models`.
        scalar_dim: S, scalar features per token.
        vector_dim: V, input vectors per token.
        readout: "vector" (a vector per token), "pooled-vector" (one per sequence), "residue" or "molecule"
            (numbers per residue or sequence); None: the model's output.
        targets: how many numbers a readout of numbers gives.
        readout_dropout: part that a readout of numbers leaves out in training.
        options: of the model's constructor, such as `hidden_dim`.

    Raises:
        InputError: for a name, an option or a readout that there is not.
    """

    def __init__(
        self,
        name: str,
        scalar_dim: int,
        vector_dim: int = 0,
        *,
        readout: str | None = None,
        targets: int = 1,
        readout_dropout: float = 0.0,
        **options: Any,
    ):
        super().__init__()
        check_options(name, options)
        _check_written(options)
        self.model = build_model(name, scalar_dim, vector_dim, options)
        self.readout = _readout(name, readout, targets, readout_dropout, options)

    def forward(self, batch: "GeometricBatch") -> GeometricOutput | Tensor:
        """The readout's prediction, or the model's output where there is none."""
        output = self.model(batch)
        return output if self.readout is None else self.readout(output, batch)

    @classmethod
    def from_pretrained(cls, source: str | Path, **options: Any) -> Self:
        """The model of a folder, of a name that comes with this package, or of a repository on the hub.

        Args:
            source: a folder; a name, one of `shipped()`; or USER/NAME, which is downloaded.
            options: of the hub's `from_pretrained` (`revision`, `cache_dir`, `local_files_only`, ...).

        Raises:
            InputError: where that is no such model, or its files are broken.
        """
        folder = shipped().get(str(source), source)
        local = Path(folder).is_dir()
        if not local and (isinstance(source, Path) or str(source).count("/") != 1 or str(source)[0] in "./~"):
            names = ", ".join(shipped())
            raise InputError(f"{source}: is no folder; give one, USER/NAME on the hub, or one of: {names}")
        if local and not (Path(folder) / "config.json").is_file():
            raise InputError(f"{folder}: has no config.json; give a folder written by save_pretrained")
        try:
            return super().from_pretrained(str(folder), **options)
        except InputError:
            raise
        except (ValueError, AttributeError, TypeError) as error:
            raise InputError(f"{source}: its config.json describes no model ({_line(error)})") from error
        except (HfHubHTTPError, HFValidationError, OSError) as error:
            raise InputError(f"{source}: cannot be had from the hub ({_line(error)})") from error

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Write config.json, model.safetensors and, where there is none yet, README.md into a folder.

        Args:
            save_directory: the folder, made if need be.
            options: of the hub's `save_pretrained`; `model_card_kwargs={"details": text}` adds to the card.

        Raises:
            InputError: where the folder cannot be written to.
        """
        make_folder(Path(save_directory))
        try:
            return super().save_pretrained(save_directory, **options)
        except OSError as error:
            raise InputError(f"{save_directory}: cannot be written to ({_line(error)})") from error

    def generate_model_card(self, *args: Any, **options: Any) -> ModelCard:
        """The card: what the model is, how to load it, and `details`."""
        described = {"config": self._hub_mixin_config, "parameters": parameter_count(self), "details": ""}
        return super().generate_model_card(*args, **{**described, **options})

    def _save_pretrained(self, save_directory: Path) -> None:
        weights = {name: tensor.cpu().contiguous() for name, tensor in self.state_dict().items()}
        with replacing(save_directory / _WEIGHTS) as partial:
            save_file(weights, partial)
            partial.chmod(0o644)  # safetensors makes files that only their owner reads

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        map_location: str = "cpu",
        **model_kwargs: Any,
    ) -> Self:
        """Safetensors only, every tensor of the model and no other; the hub's own would take pickles, too."""
        model = cls(**model_kwargs)
        file = os.path.join(model_id, _WEIGHTS)
        if not os.path.isdir(model_id):
            file = hf_hub_download(
                repo_id=model_id,
                filename=_WEIGHTS,
                revision=revision,
                cache_dir=cache_dir,
                force_download=force_download,
                token=token,
                local_files_only=local_files_only,
            )
        try:
            weights = load_file(file, device=map_location)
            _as_precise(model, weights).load_state_dict(weights, assign=map_location != "cpu")
        except (SafetensorError, OSError, RuntimeError) as error:
            raise InputError(f"{file}: no weights of the model in config.json ({_line(error)})") from error
        return model.eval()


def shipped() -> dict[str, Path]:
    """Folders of the models that come with this package, by name."""
    return {folder.name: folder for folder in sorted(_SHIPPED.iterdir()) if folder.is_dir()}


def from_predictor(model: nn.Module, readout: nn.Module) -> PretrainedModel:
    """A model that `build_model` made and its readout, as they stand, as one that can be saved.

    Raises:
        InputError: for a model or a readout made otherwise.
    """
    made = getattr(model, "made_with", None)
    kinds = [kind for kind, readout_class in READOUTS.items() if type(readout) is readout_class]
    if made is None or not kinds:
        raise InputError(
            f"model: expected one of build_model with a readout of {', '.join(READOUTS)}, "
            f"got {type(model).__name__} with {type(readout).__name__}"
        )
    of_numbers = {}
    if isinstance(readout, SumReadout):
        of_numbers = {"targets": len(readout.mean), "readout_dropout": readout.dropout}
    pretrained = PretrainedModel(**made, readout=kinds[0], **of_numbers)
    _as_precise(pretrained, model.state_dict())
    pretrained.model.load_state_dict(model.state_dict())
    assert pretrained.readout is not None
    pretrained.readout.load_state_dict(readout.state_dict())
    return pretrained.eval()


def _readout(
    name: str, kind: str | None, targets: int, dropout: float, options: dict[str, Any]
) -> nn.Module | None:
    if kind is None:
        return None
    if kind not in READOUTS:
        raise InputError(f"readout: there is no '{kind}'; choose one of: {', '.join(READOUTS)}")
    of_vectors = kind in ("vector", "pooled-vector")
    check_gives(name, "vectors" if of_vectors else "scalars")
    sizes = {**defaults_of(name), **options}
    if kind == "vector":
        return VectorReadout(sizes["vector_channels"])
    if kind == "pooled-vector":
        scalars = output_scalars(name, sizes.get("hidden_dim", 0))
        return PooledVectorReadout(scalars, sizes["vector_channels"])
    return READOUTS[kind](sizes["hidden_dim"], targets, dropout)


def _as_precise(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """The module in the floating-point type of these weights, where they have one."""
    dtypes = {x.dtype for x in weights.values() if x.is_floating_point()}
    return module.to(dtypes.pop()) if len(dtypes) == 1 else module


def _check_written(options: dict[str, Any]) -> None:
    for name, value in options.items():
        try:
            json.dumps(value)
        except TypeError:
            raise InputError(
                f"{name}: a {type(value).__name__} cannot be written to config.json; give numbers or text"
            ) from None


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
