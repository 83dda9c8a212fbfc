"""Grafana: our boards written into one that runs, and who sees which site there."""
