"""Adapters: programs that can run a function's code. `adapter.py` has the public choice."""
