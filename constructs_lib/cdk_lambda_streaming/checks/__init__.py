"""Checks of options and environment variables at synth."""
