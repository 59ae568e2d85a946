"""runstore archives assistant runs in PostgreSQL or SQLite and gives them back exactly as they came."""
