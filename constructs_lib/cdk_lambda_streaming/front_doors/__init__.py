"""Front doors of a function: those that the app has, and those that this library adds."""
