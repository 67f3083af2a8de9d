"""``python -m darkpkg`` is the command line."""

from darkpkg.cli import main

main()
