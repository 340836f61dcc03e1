"""What is known of a region and window."""
