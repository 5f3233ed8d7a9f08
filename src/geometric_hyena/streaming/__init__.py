"""Models on sequences that do not fit into memory: features live on disk, memory stays within a budget.

>>> from geometric_hyena.streaming import BatchFiles, stream
>>> output = stream(model, BatchFiles("chain/"), memory="8GiB", folder="/scratch")
>>> output.vectors[:1000]
"""

from geometric_hyena.streaming.batch_files import BatchFiles
from geometric_hyena.streaming.stream import check_streams, stream

__all__ = ["BatchFiles", "check_streams", "stream"]
