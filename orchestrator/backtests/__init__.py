"""Forecasts and plans of past days, read from files, without a database."""
