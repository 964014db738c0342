"""Programs that install the dependencies of a function."""
