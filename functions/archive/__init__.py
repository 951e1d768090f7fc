"""archive: keeps what was classified, correlated and delivered on the bus."""
