"""The care of an archive: proving it, comparing it, copying it, deleting from it."""
