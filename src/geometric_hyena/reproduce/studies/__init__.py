"""The papers' open questions, each a small study with a page in docs/studies."""

from geometric_hyena.reproduce.studies.corruption import CORRUPTION
from geometric_hyena.reproduce.studies.degrees import DEGREES
from geometric_hyena.reproduce.studies.kv_norm import KV_NORM
from geometric_hyena.reproduce.studies.order import ORDER
from geometric_hyena.reproduce.studies.wedge import WEDGE

ALL = (ORDER, DEGREES, CORRUPTION, WEDGE, KV_NORM)
