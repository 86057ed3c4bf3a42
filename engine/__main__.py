"""`python -m engine`: the same as the `anchorstage` command."""

import sys

from .cli import main

sys.exit(main())
