"""The code of a function: its folder, its dependencies, its layer, its image."""
