"""Findings until they are put right, protections that are out of service, and the site's score."""
