"""Forecast quality: how good has the bound been, region by region?"""
