"""`python -m geometric_hyena.cli`, for launchers that start a module."""

import sys

from geometric_hyena.cli.main import main

sys.exit(main())
