"""Findings until they are put right, and protections that are out of service."""
