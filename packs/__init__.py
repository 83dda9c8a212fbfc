"""Data only: thresholds with their source, and the demo portfolio."""
