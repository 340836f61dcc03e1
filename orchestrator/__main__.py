"""`python -m orchestrator` is the `gfo` command."""

from orchestrator.cli.main import main

main()
