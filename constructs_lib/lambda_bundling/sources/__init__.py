"""Files that name the dependencies of a function."""
