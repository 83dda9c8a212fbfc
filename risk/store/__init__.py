"""All SQL of risk, a file a subject."""
