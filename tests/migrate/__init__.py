"""The schema of a database: its revisions, its roles, and archives of earlier versions."""
