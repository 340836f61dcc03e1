"""One module per format: how its files look, and what their columns mean."""
