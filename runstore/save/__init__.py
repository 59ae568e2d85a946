"""The way in: batches of records, settled against what is stored, and the history of runs."""
