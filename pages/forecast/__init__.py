"""Forecast: how likely is it that a region's day exceeds its limit?"""
