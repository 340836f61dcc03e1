"""Forecasting: features, training, ONNX export, inference; no database, no web."""

import os

# ONNX Runtime reports usage to its maker unless told otherwise before its import;
# nothing here asks another host for anything, whoever imports the models.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
