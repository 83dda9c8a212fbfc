"""Calling people about life safety while the database is away: a sealed snapshot, senders of ingest's own, and the books afterwards."""
