"""Carbon against water, region by region and hour by hour."""
