"""``python -m parity`` is the command ``parity``."""

import sys

from .cli import main

sys.exit(main())
