"""Models: uploaded, checked, trained, evaluated and activated."""
