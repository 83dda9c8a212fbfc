"""All SQL of detectors: what models are declared, what was fitted, what has been scored."""
