"""Admin: models in, judged beside the one that serves, activated, rolled back."""
