"""`GeometricGraph`, one ordered molecule, and `GeometricBatch`, several of them packed end to end.

The order of tokens carries meaning (a chain from end to end). A batch concatenates the tokens of its
graphs, as PyTorch Geometric does, so that ragged batches waste nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geometric_hyena.errors import InputError
from geometric_hyena.geometry.neighbors import Neighbors, nearest_neighbors, pack_neighbors
from geometric_hyena.operators.sharding import Sharding

if TYPE_CHECKING:
    from torch_geometric.data import Data


@dataclass(frozen=True)
class GeometricGraph:
    """One molecule: N ordered tokens with scalars, positions and, where known, vectors.

    Attributes:
        scalars: (N, S) invariant features.
        positions: (N, 3), angstrom; rotate and shift with the molecule.
        vectors: (N, V, 3) or None; rotate but do not shift (velocities, dipoles, ...).
        neighbors: (N, K) int64 token indices padded with -1, or None to search them when collated.
        edge_features: (N, K, E), one row per entry of `neighbors`, or None.
        residue_lengths: (R,) int64 or None: the first so many tokens are residue 0, the next residue 1, ...
            (0: a residue without tokens).
    """

    scalars: Tensor
    positions: Tensor
    vectors: Tensor | None = None
    neighbors: Tensor | None = None
    edge_features: Tensor | None = None
    residue_lengths: Tensor | None = None

    def __post_init__(self) -> None:
        count = self.scalars.shape[0]
        if self.scalars.ndim != 2 or count < 1:
            raise InputError(f"scalars: expected shape (N, S) with N >= 1, got {tuple(self.scalars.shape)}")
        if self.positions.shape != (count, 3):
            raise InputError(f"positions: expected shape ({count}, 3), got {tuple(self.positions.shape)}")
        vectors, neighbors, edges = self.vectors, self.neighbors, self.edge_features
        if vectors is not None and (vectors.ndim != 3 or vectors.shape[::2] != (count, 3)):
            raise InputError(f"vectors: expected shape ({count}, V, 3), got {tuple(vectors.shape)}")
        if neighbors is not None:
            _check_neighbors(neighbors, count)
        if edges is not None and (neighbors is None or edges.ndim != 3 or edges.shape[:2] != neighbors.shape):
            raise InputError(
                "edge_features: expected shape (N, K, E) beside neighbors of shape (N, K), got "
                f"{tuple(edges.shape)} beside {None if neighbors is None else tuple(neighbors.shape)}"
            )
        if self.residue_lengths is not None:
            _check_residues(self.residue_lengths, count)

    def __len__(self) -> int:
        return self.scalars.shape[0]

    def with_neighbors(self, k: int = 16, radius: float = 10.0) -> "GeometricGraph":
        """The same graph with its spatial neighbours searched, unless it already has some."""
        if self.neighbors is not None:
            return self
        return replace(self, neighbors=nearest_neighbors(self.positions, k, radius))

    @classmethod
    def from_pyg(cls, data: "Data") -> "GeometricGraph":
        """From a PyTorch Geometric `Data` with `x` (N, S), `pos` (N, 3) and optionally `vec` (N, V, 3),
        `edge_index` (2, E; rows source, target) and `edge_attr` (E, F) or (E,).

        Raises:
            InputError: for a `Batch` of several molecules, and for tensors that are missing or do not fit.
        """
        if getattr(data, "num_graphs", 1) > 1:
            raise InputError("data: expected one molecule; take a Batch apart by its to_data_list()")
        if data.x is None or data.pos is None:
            raise InputError("data: expected a Data object with x (N, S) and pos (N, 3)")
        neighbors = edges = None
        if data.edge_index is not None:
            neighbors, edges = _table_from_edges(data.edge_index, data.edge_attr, len(data.x))
        return cls(data.x, data.pos, data.get("vec"), neighbors, edges)

    def to_pyg(self) -> "Data":
        """As a PyTorch Geometric `Data`: `x`, `pos` and, where present, `vec`, `edge_index`, `edge_attr`."""
        try:
            from torch_geometric.data import Data
        except ImportError:
            from geometric_hyena.errors import MissingDependencyError

            raise MissingDependencyError("torch_geometric", "baselines", "GeometricGraph.to_pyg") from None

        data = Data(x=self.scalars, pos=self.positions)
        if self.vectors is not None:
            data.vec = self.vectors
        if self.neighbors is not None:
            target, column = torch.nonzero(self.neighbors >= 0, as_tuple=True)
            data.edge_index = torch.stack([self.neighbors[target, column], target])
            if self.edge_features is not None:
                data.edge_attr = self.edge_features[target, column]
        return data


@dataclass(frozen=True)
class GeometricBatch:
    """B graphs packed end to end, T = sum of lengths tokens in all.

    Attributes:
        scalars: (T, S).
        positions: (T, 3).
        lengths: (B,) int64, on the CPU: the shape of the batch is needed there, never on the device.
        neighbors: table over packed tokens.
        vectors: (T, V, 3) or None.
        edge_features: (T, K, E) or None, aligned with `neighbors`.
        residue_lengths: (R,) tokens of every residue, of all graphs one after the other, or None.
        sharding: the ranks that hold the other tokens, if any do (`distributed.shard_batch`): then tensors
            of tokens are those of this rank, and `lengths` those of all sequences.
    """

    scalars: Tensor
    positions: Tensor
    lengths: Tensor
    neighbors: Neighbors
    vectors: Tensor | None = None
    edge_features: Tensor | None = field(default=None)
    residue_lengths: Tensor | None = None
    sharding: Sharding | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def split(self, packed: Tensor) -> list[Tensor]:
        """Cut a packed tensor (T, ...) into one tensor (N_i, ...) per graph.

        Raises:
            InputError: where the tokens are sharded: a rank has only parts of graphs.
        """
        if self.sharding is not None:
            raise InputError(
                "batch: its tokens are sharded; gather the tensor first, and split the whole batch"
            )
        return list(torch.split(packed, self.lengths.tolist()))

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> "GeometricBatch":
        """The same batch on another device or in another floating-point type."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device=device, dtype=dtype)

        return replace(
            self,
            scalars=self.scalars.to(device=device, dtype=dtype),
            positions=self.positions.to(device=device, dtype=dtype),
            vectors=move(self.vectors),
            edge_features=move(self.edge_features),
            neighbors=self.neighbors if device is None else self.neighbors.to(device),
            residue_lengths=None if self.residue_lengths is None else self.residue_lengths.to(device=device),
        )

    def pin_memory(self) -> "GeometricBatch":
        """The same batch in page-locked memory (called by torch's DataLoader)."""
        return replace(
            self,
            scalars=self.scalars.pin_memory(),
            positions=self.positions.pin_memory(),
            vectors=None if self.vectors is None else self.vectors.pin_memory(),
            edge_features=None if self.edge_features is None else self.edge_features.pin_memory(),
            neighbors=Neighbors(self.neighbors.index.pin_memory(), self.neighbors.mask.pin_memory()),
            residue_lengths=None if self.residue_lengths is None else self.residue_lengths.pin_memory(),
        )


def collate(graphs: Sequence[GeometricGraph], *, k: int = 16, radius: float = 10.0) -> GeometricBatch:
    """Pack graphs into a batch; neighbours are searched where a graph brings none.

    Args:
        graphs: at least one; all with the same feature sizes and dtype, all with or all without vectors.
        k: number of nearest neighbours searched.
        radius: their largest distance, angstrom.

    Raises:
        InputError: naming the first graph that does not fit the others.
    """
    if not graphs:
        raise InputError("graphs: expected at least one graph, got none")
    graphs = [graph.with_neighbors(k, radius) for graph in graphs]
    lengths = [len(graph) for graph in graphs]
    neighbors = pack_neighbors([g.neighbors for g in graphs if g.neighbors is not None], lengths)
    return GeometricBatch(
        scalars=_pack([g.scalars for g in graphs], "scalars"),
        positions=_pack([g.positions for g in graphs], "positions"),
        lengths=torch.tensor(lengths),
        neighbors=neighbors.to(graphs[0].positions.device),
        vectors=_pack_optional([g.vectors for g in graphs], "vectors"),
        edge_features=_pack_optional(
            [_widened(g.edge_features, neighbors.index.shape[1]) for g in graphs], "edge_features"
        ),
        residue_lengths=_pack_optional([g.residue_lengths for g in graphs], "residue_lengths"),
    )


def _pack(tensors: list[Tensor], name: str) -> Tensor:
    first = tensors[0]
    for number, tensor in enumerate(tensors):
        if tensor.shape[1:] != first.shape[1:] or tensor.dtype != first.dtype:
            raise InputError(
                f"{name}: graph {number} has {tuple(tensor.shape)} {tensor.dtype}, "
                f"graph 0 has {tuple(first.shape)} {first.dtype}; all but the first size must agree"
            )
    return torch.cat(tensors)


def _pack_optional(tensors: list[Tensor | None], name: str) -> Tensor | None:
    present = [t for t in tensors if t is not None]
    if not present:
        return None
    if len(present) < len(tensors):
        missing = next(i for i, t in enumerate(tensors) if t is None)
        raise InputError(f"{name}: graph {missing} has none while others do; give all graphs some, or none")
    return _pack(present, name)


def _widened(edge_features: Tensor | None, width: int) -> Tensor | None:
    if edge_features is None:
        return None
    return torch.nn.functional.pad(edge_features, (0, 0, 0, width - edge_features.shape[1]))


def _check_neighbors(neighbors: Tensor, count: int) -> None:
    if neighbors.ndim != 2 or neighbors.shape[0] != count or neighbors.dtype != torch.int64:
        raise InputError(
            f"neighbors: expected an int64 table of shape ({count}, K), "
            f"got {neighbors.dtype} {tuple(neighbors.shape)}"
        )
    if neighbors.numel() and (int(neighbors.min()) < -1 or int(neighbors.max()) >= count):
        raise InputError(f"neighbors: expected indices from 0 to {count - 1}, or -1 for padding")


def _check_residues(lengths: Tensor, count: int) -> None:
    if lengths.ndim != 1 or lengths.dtype != torch.int64 or (lengths < 0).any() or lengths.sum() != count:
        raise InputError(
            f"residue_lengths: expected int64 numbers of tokens that add up to {count}, "
            f"got {lengths.dtype} {tuple(lengths.shape)} with the sum {lengths.sum().item()}"
        )


def _table_from_edges(
    edge_index: Tensor, edge_attr: Tensor | None, count: int
) -> tuple[Tensor, Tensor | None]:
    """Edge list (2, E) to a padded neighbour table of the targets."""
    if edge_index.numel():
        low, high = (int(x) for x in edge_index.aminmax())
        if low < 0 or high >= count:
            raise InputError(f"edge_index: expected tokens from 0 to {count - 1}, got {low} to {high}")
    order = torch.argsort(edge_index[1], stable=True)
    source, target = edge_index[0, order], edge_index[1, order]
    degree = torch.bincount(target, minlength=count)
    column = torch.arange(len(target), device=target.device) - (torch.cumsum(degree, 0) - degree)[target]
    width = int(degree.max()) if len(target) else 0
    table = torch.full((count, width), -1, dtype=torch.int64, device=target.device)
    table[target, column] = source
    if edge_attr is None:
        return table, None
    rows = edge_attr[order].view(len(target), -1) if edge_attr.ndim == 1 else edge_attr[order]
    features = edge_attr.new_zeros(count, width, *rows.shape[1:])
    features[target, column] = rows
    return table, features
