"""Numbers from readings: limits, rates of change, stuck and stale signals."""
