"""One sequence on many processes: its tokens sharded over the ranks of a torch.distributed group.

>>> from geometric_hyena.distributed import context_parallel, shard_batch
>>> model = context_parallel(model)
>>> shard = shard_batch(batch)
>>> out = model(shard)  # of this rank's tokens
>>> ((out.positions - target_of_own_tokens) ** 2).sum().div(shard.sharding.tokens).backward()
"""

from geometric_hyena.distributed.context_parallel import ContextParallel, context_parallel
from geometric_hyena.distributed.sharding import TokenSharding, gather_tokens, join_shards, shard_batch

__all__ = [
    "ContextParallel",
    "TokenSharding",
    "context_parallel",
    "gather_tokens",
    "join_shards",
    "shard_batch",
]
