"""Execution environments: the processes that run functions."""
