"""Regions and the policy that holds for them."""
