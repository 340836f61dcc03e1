"""A watched folder: files that another program writes there, each read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from core.errors import InvalidInput
from db.feeds import FeedFacts
from orchestrator.feeds.kinds.kind import (
    READING_OPTIONS,
    Ask,
    FeedKind,
    SourceAnswer,
    answer_as_described,
)
from orchestrator.feeds.web_client import FeedFailed
from orchestrator.telemetry.readers.formats import format_named

MOST_FILES = 20
"""Of one run; the next one, which follows at once, takes the others."""

LARGEST_BYTES = 64 * 1024 * 1024
"""Of one file, and of all files of one run, which are in memory together."""

_SETTLED_S = 5.0
"""A file that changed so lately may be in the middle of being written."""


def fetch(ask: Ask) -> Sequence[SourceAnswer]:
    """New and changed files of the folder, the oldest first.

    Raises
    ------
    FeedFailed
        When the folder, or a file of it, cannot be read.
    """
    folder = _inside(ask.folder, ask.facts.address)
    due: list[tuple[int, Path, str, int]] = []
    for path in _files(folder):
        state = path.stat()
        mark = f"{state.st_size}:{state.st_mtime_ns}:{state.st_ino}"
        if ask.known.get(_stored_name(path)) == mark:
            ask.learned[_stored_name(path)] = mark
        elif ask.now.timestamp() - state.st_mtime >= _SETTLED_S:
            due.append((state.st_mtime_ns, path, mark, state.st_size))
    answers: list[SourceAnswer] = []
    size_bytes = 0
    for _, path, mark, file_bytes in sorted(due)[:MOST_FILES]:
        size_bytes += file_bytes
        if answers and size_bytes > LARGEST_BYTES:
            break
        answers.append(_answer(ask, path))
        ask.learned[_stored_name(path)] = mark
    return answers


def _files(folder: Path) -> Iterator[Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as exc:
        message = f"The folder {folder.name} cannot be read: {exc.strerror}."
        raise FeedFailed(message) from exc
    for path in paths:
        if path.is_file() and not path.is_symlink() and path.name[0] not in ".~":
            yield path


def _stored_name(path: Path) -> str:
    """The file's name as text that can be stored: not every name is UTF-8."""
    return path.name.encode("utf-8", "backslashreplace").decode()


def _answer(ask: Ask, path: Path) -> SourceAnswer:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_BYTES + 1)
    except OSError as exc:
        message = f"The file {path.name} cannot be read: {exc.strerror}."
        raise FeedFailed(message) from exc
    if len(content) > LARGEST_BYTES:
        message = f"The file {path.name} is larger than {LARGEST_BYTES // 1024**2} MiB."
        raise FeedFailed(message)
    telemetry_format = format_named(ask.option("format", "auto"))
    return answer_as_described(ask, content, path.name, telemetry_format)


def _inside(root: Path, name: str) -> Path:
    """The folder `name` of the root; raises FeedFailed when it leads out of it."""
    folder = (root / name).resolve()
    if not folder.is_relative_to(root.resolve()):
        message = f"The folder {name} leads out of the folder of feeds."
        raise FeedFailed(message)
    return folder


def _check(facts: FeedFacts) -> None:
    path = PurePosixPath(facts.address)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        message = (
            "The address of a watched folder is its name within the folder of feeds"
            " (GFO_FEEDS_DIR), such as site-a."
        )
        raise InvalidInput(message)
    try:
        format_named(facts.options.get("format", "auto"))
    except ValueError as exc:
        message = f"There is no format {facts.options['format'][:40]!r}."
        raise InvalidInput(message) from exc


KIND = FeedKind(
    name="folder",
    words="Watched folder",
    address="site-a",
    fetch=fetch,
    options={
        "format": "a format of gfo telemetry import; found from the file by default",
        **READING_OPTIONS,
    },
    is_by_region=False,
    is_web=False,
    has_hours=False,
    check=_check,
)
