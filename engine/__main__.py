"""`python -m engine`: the same as the `anchorstage` command."""

import sys

from .cli.main import main

sys.exit(main())
