"""Which runs, and what is asked of them: filters, pages, the one SELECT that reads runs, statistics."""
