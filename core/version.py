"""The version of the code, named by models, decisions, log lines and the wheel."""

CODE_VERSION = "1.0.0"
