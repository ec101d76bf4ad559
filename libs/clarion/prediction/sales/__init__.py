"""Forecast of sales."""
