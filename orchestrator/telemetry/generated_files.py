"""Generated telemetry written to a file, in the columns that the import reads."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from core.errors import InvalidInput
from core.synthetic import RegionProfile, generate
from core.telemetry import HOUR, Quantity, TelemetryFrame, hours_between
from orchestrator.telemetry.readers.shapes.tidy_csv import HOUR_COLUMN, REGION_COLUMN


def write_generated_csv(
    path: Path,
    profiles: Sequence[RegionProfile],
    *,
    start_utc: datetime,
    end_utc: datetime,
    seed: int,
) -> int:
    """Write [start_utc, end_utc) of each region and return the number of rows.

    Sorted by region, then hour; compressed when the name ends in `.gz`. The same seed
    and range give the same bytes. The file appears whole or not at all.

    Raises
    ------
    InvalidInput
        When the file cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    n_hours = hours_between(start_utc, end_utc)
    try:
        with _open_text(unfinished, packed=path.suffix == ".gz") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([HOUR_COLUMN, REGION_COLUMN, *Quantity])
            for profile in profiles:
                writer.writerows(_rows(generate(profile, start_utc, n_hours, seed)))
        unfinished.replace(path)
    except OSError as exc:
        message = f"{path} cannot be written: {exc.strerror}."
        raise InvalidInput(message) from exc
    finally:
        unfinished.unlink(missing_ok=True)
    return n_hours * len(profiles)


@contextmanager
def _open_text(path: Path, *, packed: bool) -> Iterator[TextIO]:
    with path.open("wb") as raw:
        if not packed:
            with io.TextIOWrapper(raw, "utf-8", newline="") as stream:
                yield stream
            return
        # Without a name and a time in the header, the same rows are the same bytes.
        with (
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as content,
            io.TextIOWrapper(content, "utf-8", newline="") as stream,
        ):
            yield stream


def _rows(frame: TelemetryFrame) -> Iterator[list[str]]:
    columns = [frame.column(quantity).tolist() for quantity in Quantity]
    for index, values in enumerate(zip(*columns, strict=True)):
        hour_utc = frame.start_utc + index * HOUR
        cells = ["" if math.isnan(value) else repr(value) for value in values]
        yield [f"{hour_utc:%Y-%m-%dT%H:%M:%SZ}", frame.region_slug, *cells]
