"""All SQL of risk: findings with their events and photos, impairments."""
