"""Forecasting: features, training, ONNX export, inference; no database, no web."""
