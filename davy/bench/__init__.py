"""Benches: Davy measured on servers of its own, counted from outside; docs/performance.md holds protocol and figures."""
