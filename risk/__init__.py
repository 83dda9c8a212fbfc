"""Findings, impairments, the prevention ledger and the site score (no code yet: see docs/status.md)."""
