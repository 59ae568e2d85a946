"""What runstore promises of an archive, on each database."""
