"""`python -m orchestrator` is the `gfo` command."""

from orchestrator.cli import main

main()
