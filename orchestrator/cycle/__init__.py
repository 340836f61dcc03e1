"""What the worker does every hour: forecasts, scores and automatic decisions."""
