"""Shipped recipes, one experiment per file: `get_config(variant)` returns its config."""
