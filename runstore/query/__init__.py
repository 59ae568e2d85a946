"""Queries: filters, pages, the one SELECT that reads runs, and statistics."""
