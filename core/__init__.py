"""The words everyone shares: model, batch, wire, units, settings, database, errors, log, metrics."""
