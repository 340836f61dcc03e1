"""The version of the code, named by models, decisions and log lines."""

from importlib.metadata import PackageNotFoundError, version


def _installed_version() -> str:
    try:
        return version("global-fleet-orchestrator")
    except PackageNotFoundError:
        return "0+unknown"


CODE_VERSION = _installed_version()
