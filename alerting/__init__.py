"""From a condition to an ISA-18.2 alarm, an occurrence, a route and a delivered notification."""
