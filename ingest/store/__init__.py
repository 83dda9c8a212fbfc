"""All SQL of ingest: batches, what they leave in memory, who may say what, and how ingest is doing."""
