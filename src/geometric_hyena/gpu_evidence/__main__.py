"""`python -m geometric_hyena.gpu_evidence`."""

import sys

from geometric_hyena.gpu_evidence.main import main

sys.exit(main())
