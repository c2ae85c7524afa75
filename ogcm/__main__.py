"""`python -m ogcm` is the command `ogcm`."""

import sys

from ogcm.cli import main

sys.exit(main())
