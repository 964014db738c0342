"""Version of the distribution. The layer does not have this module, so that equal runtimes are equal layers."""

__version__ = "0.1.0"
