"""Installing, checking, measuring, backing up and restoring."""
