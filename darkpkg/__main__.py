"""``python -m darkpkg`` is the command line."""

from darkpkg.cli import app

app(prog_name="darkpkg")
