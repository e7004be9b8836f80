"""Measures the claims about speed; `make bench` runs every benchmark."""
