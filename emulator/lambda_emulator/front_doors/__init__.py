"""Front doors: the servers through which requests reach functions."""
