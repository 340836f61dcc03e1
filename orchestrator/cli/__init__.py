"""The `gfo` command line, one module per group of commands."""
