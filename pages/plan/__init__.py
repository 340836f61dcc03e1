"""Plan: the best placement of load over the whole fleet for a day."""
