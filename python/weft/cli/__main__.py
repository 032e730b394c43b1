"""`python -m weft.cli`: how weft starts itself, whatever PATH says."""

import sys

from weft.cli import main

sys.exit(main())
