"""``python -m bagfill``: the same as the command ``bagfill``."""

from bagfill.cli import main

main()
