"""The write path: batches of records, compared with the stored runs, and the history of runs."""
