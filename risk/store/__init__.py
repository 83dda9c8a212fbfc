"""SQL of risk: findings and impairments."""
