"""The search: its model, temperature and diagnostics."""
