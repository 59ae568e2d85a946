"""``python -m runstore``."""

from runstore.cli import main

main()
