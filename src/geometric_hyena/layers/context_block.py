"""A block with global context: what Geometric Hyena and its attention twins have in common."""

import torch
from torch import Tensor, nn

from geometric_hyena.layers.compiled_stages import EnteringStage, LeavingStage
from geometric_hyena.layers.normalization import KeyValueNorm
from geometric_hyena.layers.projection import EquivariantProjection, Geometry
from geometric_hyena.layers.staging import Stage

Pair = tuple[Tensor, Tensor]
Tensors = tuple[Tensor, ...]

GATES = ("qk", "k", "none")


class ContextBlock(nn.Module):
    """One block (Geometric Hyena, Figure 2), with residual connections around both halves::

        q, k, v, m = projection(f, V)        EGNN with local and global messages; m = sigmoid(...)
        y          = global_context(q, k / |k|, v / |v|)
        f, V      += m y
        f, V      += projection(f, V)

    A subclass says what the global context is. The first line and the last two are stages that can go through
    the tokens in chunks, see `staging`; between them tensors are (..., T), tokens last.

    Args:
        scalars: D, scalar channels.
        vectors: C, vector channels.
        projection: keyword arguments of `EquivariantProjection` that both projections share.
        gate: what m masks: "qk", the global context, as in the paper; "k", the keys; or "none".
        kv_norm: norm to which keys and values are brought: "l2", "l1", "linf" or "none".
    """

    # Inputs of the second stage that are its own: see `Stage.spent`.
    spent: tuple[int, ...] = ()

    def __init__(
        self, scalars: int, vectors: int, *, projection: dict, gate: str = "qk", kv_norm: str = "l2"
    ):
        super().__init__()
        if gate not in GATES:
            raise ValueError(f"gate: expected one of {', '.join(GATES)}, got {gate!r}")
        self.gate = gate
        self.sizes = [scalars] * 3 + ([] if gate == "none" else [scalars, vectors])
        self.input_norm = nn.LayerNorm(scalars)
        self.qkv = EquivariantProjection(scalars, vectors, sum(self.sizes), 3 * vectors, **projection)
        self.kv_norm = KeyValueNorm(kv_norm)
        self.output_norm = nn.LayerNorm(scalars)
        self.output = EquivariantProjection(scalars, vectors, scalars, vectors, **projection)

    def forward(self, scalars: Tensor, vectors: Tensor, geometry: Geometry) -> Pair:
        """(T, D), (T, C, 3) -> the same shapes."""
        tokens = scalars.T, vectors.permute(2, 1, 0)
        gathered = self.mix(self.first_stage()(tokens, geometry), geometry)
        scalars, vectors = self.second_stage()((*tokens, *gathered), geometry)
        return scalars.T, vectors.permute(2, 1, 0)

    def first_stage(self) -> Stage:
        """Scalars and vectors to what `mix` takes in."""
        modules, compiled = self.entering_modules(), self.compiled_first_stage()
        return Stage(self.qkv, self.input_norm, _own_scalars, _own_vectors, self._enter, modules, compiled)

    def second_stage(self) -> Stage:
        """Scalars, vectors and what `mix` gives to scalars and vectors."""
        modules, compiled = self.leaving_modules(), self.compiled_second_stage()
        steps = self._scalars, self._vectors, _add
        return Stage(self.output, self.output_norm, *steps, modules, compiled, self.spent)

    def global_context(self, q: Pair, k: Pair, v: Pair, geometry: Geometry) -> Pair:
        """What each token gathers from its whole sequence.

        Every argument is a pair of scalars (T, D) and vectors (T, C, 3), and so is the result.
        """
        raise NotImplementedError

    # --- steps that a subclass may take its own way; scalars are (D, n), vectors (3, C, n) ---

    def emit(self, q: Pair, k: Pair, v: Pair, mask: Pair | None) -> Tensors:
        """What the first stage leaves to `mix`."""
        return (*q, *k, *v, *(mask or ()))

    def mix(self, emitted: Tensors, geometry: Geometry) -> Tensors:
        """From what the first stage left to what the second takes in."""
        scalars = [x.T for x in emitted[:6:2]]
        vectors = [x.permute(2, 1, 0) for x in emitted[1:6:2]]
        q, k, v = zip(scalars, vectors, strict=True)
        y, y_vectors = self.global_context(q, k, v, geometry)
        return y.T, y_vectors.permute(2, 1, 0), *emitted[6:]

    def gathered_scalars(self, y: Tensor, y_vectors: Tensor, *mask: Tensor) -> Tensor:
        """The masked context of the scalars, from a chunk of what `mix` returned."""
        return y * mask[0] if mask else y

    def gathered_vectors(self, y: Tensor, y_vectors: Tensor, *mask: Tensor) -> Tensor:
        """The masked context of the vectors, from a chunk of what `mix` returned."""
        return y_vectors * mask[1] if mask else y_vectors

    def entering_modules(self) -> tuple[nn.Module, ...]:
        """Modules that `emit` uses."""
        return ()

    def leaving_modules(self) -> tuple[nn.Module, ...]:
        """Modules that `gathered_scalars` and `gathered_vectors` use."""
        return ()

    def compiled_first_stage(self) -> EnteringStage | None:
        """Compiled kernels for the first stage; None for other options than theirs."""
        if self.gate == "k":
            return None
        return EnteringStage(self.qkv, self.input_norm, self.kv_norm, masked=self.gate == "qk")

    def compiled_second_stage(self) -> LeavingStage | None:
        """Compiled kernels for the second stage; None for other options than theirs."""
        return LeavingStage(self.output, self.output_norm) if self.gate == "qk" else None

    # --- the two stages ---

    def _enter(self, scalars: Tensor, vectors: Tensor, *_: Tensor) -> Tensors:
        # FFTs and norms want single precision at least, whatever autocast says.
        full = torch.promote_types(self.input_norm.weight.dtype, torch.float32)
        q, k, v, *logits = scalars.to(full).split(self.sizes)
        q_vectors, k_vectors, v_vectors = vectors.to(full).chunk(3, dim=1)
        k, k_vectors = self.kv_norm(k, k_vectors)
        v, v_vectors = self.kv_norm(v, v_vectors)
        mask = (torch.sigmoid(logits[0]), torch.sigmoid(logits[1])) if logits else None
        if mask and self.gate == "k":
            k, k_vectors, mask = k * mask[0], k_vectors * mask[1], None
        return self.emit((q, q_vectors), (k, k_vectors), (v, v_vectors), mask)

    def _scalars(self, scalars: Tensor, vectors: Tensor, *gathered: Tensor) -> Tensor:
        return scalars.T + _rows(self.gathered_scalars(*gathered))

    def _vectors(self, scalars: Tensor, vectors: Tensor, *gathered: Tensor) -> Tensor:
        return vectors + self.gathered_vectors(*gathered)


def _own_scalars(scalars: Tensor, vectors: Tensor) -> Tensor:
    return scalars.T


def _own_vectors(scalars: Tensor, vectors: Tensor) -> Tensor:
    return vectors


def _add(update: Tensor, vector_update: Tensor, scalars: Tensor, vectors: Tensor) -> Tensors:
    return (scalars + _rows(update)).T, vectors + vector_update


def _rows(x: Tensor) -> Tensor:
    """(D, n) as contiguous (n, D): transposing costs less on its own than inside a sum."""
    return x.T.contiguous()


class MessageBlock(nn.Module):
    """A block without global context: f, V += projection(f, V)."""

    # Its tokens may be sharded over ranks.
    takes_shards = True

    def __init__(self, scalars: int, vectors: int, *, projection: dict):
        super().__init__()
        self.output_norm = nn.LayerNorm(scalars)
        self.output = EquivariantProjection(scalars, vectors, scalars, vectors, **projection)

    def forward(self, scalars: Tensor, vectors: Tensor, geometry: Geometry) -> Pair:
        """(T, D), (T, C, 3) -> the same shapes."""
        scalars, vectors = self.stage()((scalars.T, vectors.permute(2, 1, 0)), geometry)
        return scalars.T, vectors.permute(2, 1, 0)

    def stage(self) -> Stage:
        """Scalars and vectors to scalars and vectors."""
        compiled = LeavingStage(self.output, self.output_norm)
        return Stage(self.output, self.output_norm, _own_scalars, _own_vectors, _add, (), compiled)
