"""Limits tried on a site's own history: the detectors and conditions of ingest over what is stored, for two versions side by side."""
