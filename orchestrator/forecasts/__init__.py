"""Forecasts: the models that serve, hindcasts, scores, and the pages that show them."""
