"""Forecasting: features, training, ONNX export, inference; no database, no web."""

import os

# ONNX Runtime would otherwise make an identifier of this machine and send usage data
# to its maker. It looks once, when it is imported, and only this package imports it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
