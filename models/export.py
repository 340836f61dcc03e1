"""Write a trained model as ONNX bytes: the same model, the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from models.export_boosting import export_boosting
from models.export_ridge import export_ridge
from models.export_with_runs import export_with_runs
from models.metadata import Family

if TYPE_CHECKING:  # scikit-learn takes seconds to import; export itself needs none
    from models.boosting import TrainedBoosting
    from models.ridge import TrainedRidge
    from models.train import TrainedModel
    from models.with_runs import TrainedWithRuns


def export_onnx(trained: TrainedModel) -> bytes:
    """The model as an ONNX file of docs/model-contract.md, whatever its family."""
    if trained.contract.guiding_quantity is not None:
        return export_with_runs(cast("TrainedWithRuns", trained))
    if trained.contract.family == Family.BOOSTING:
        return export_boosting(cast("TrainedBoosting", trained))
    return export_ridge(cast("TrainedRidge", trained))
