"""How fast a model answers 1, 1,000 and 10,000 region-days, and what memory it takes.

    .venv/bin/python benchmarks/inference.py TELEMETRY.csv.gz REGIONS.csv

Trains both families on 2021, then times the exported graph in the code that serves,
scikit-learn's own predict, and MAPIE's `predict_interval` around scikit-learn, each on
the same rows in one run. One thread. Prints one JSON object; compare ratios.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from mapie.conformity_scores import AbsoluteConformityScore
from mapie.regression import SplitConformalRegressor
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from threadpoolctl import threadpool_limits

from core.forecasts import Target
from models.export import export_onnx
from models.metadata import Family
from models.onnx_model import OnnxModel
from models.parity_rows import real_rows
from models.train import TrainedModel, train_model
from orchestrator.telemetry.readers.frames import read_fleet

SIZES = (1, 1_000, 10_000)
REPEATS = 7


class FirstHour(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """The trained model's first hour as an estimator that MAPIE can wrap."""

    def __init__(self, trained: TrainedModel, region_index: NDArray[np.int64]) -> None:
        self.trained = trained
        self.region_index = region_index
        self.n_features_in_ = len(trained.contract.feature_names)

    def fit(self, features: NDArray[np.float32], target: object) -> FirstHour:
        """Nothing to fit: it is trained."""
        _ = features, target
        return self

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Means of the first hour, shape (N,)."""
        index = np.resize(self.region_index, len(features))
        return self.trained.predict(np.asarray(features, np.float32), index)[0][:, 0]


def main(telemetry: Path, regions: Path) -> None:
    """Measure and print."""
    frames = read_fleet(
        telemetry, regions, datetime.now(UTC), lambda _text: None
    ).frames
    until_utc = datetime(2022, 1, 1, tzinfo=UTC)
    report: dict[str, object] = {"cores": os.cpu_count(), "repeats": REPEATS}
    with threadpool_limits(limits=1):
        for family in Family:
            trained = train_model(
                frames, Target.TEMPERATURE_C, until_utc, family=family, seed=7
            )
            report[family] = _measured(frames, trained)
    report["peak_rss_mb"] = round(
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    )
    print(json.dumps(report, indent=1))


def _measured(frames: dict, trained: TrainedModel) -> dict[str, object]:  # type: ignore[type-arg]
    content = export_onnx(trained)
    before_mb = _rss_mb()
    model = OnnxModel(content, hashlib.sha256(content).hexdigest())
    rows = real_rows(frames, trained.contract, max(SIZES))
    found: dict[str, object] = {"file_kb": round(len(content) / 1024)}
    for size in SIZES:
        features = np.resize(rows.features, (size, rows.features.shape[1]))
        index = np.resize(rows.region_index, size)
        mapie = SplitConformalRegressor(
            estimator=FirstHour(trained, index),
            confidence_level=0.95,
            conformity_score=AbsoluteConformityScore(sym=True),
            prefit=True,
        )
        few = (
            features[:100]
            if size > 100
            else np.resize(features, (100, features.shape[1]))
        )
        mapie.conformalize(few, np.zeros(len(few)))
        onnx_ms = _median_ms(lambda f=features, i=index: model.predict(f, i))
        sklearn_ms = _median_ms(lambda f=features, i=index: trained.predict(f, i))
        mapie_ms = _median_ms(lambda f=features, m=mapie: m.predict_interval(f))
        found[f"{size} region-days"] = {
            "onnx_ms": round(onnx_ms, 2),
            "sklearn_over_onnx": round(sklearn_ms / onnx_ms, 1),
            "mapie_over_onnx": round(mapie_ms / onnx_ms, 1),
        }
    found["session_and_rows_mb"] = round(_rss_mb() - before_mb)
    return found


def _median_ms(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
