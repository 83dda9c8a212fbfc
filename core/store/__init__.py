"""All SQL of core: the portfolio and its journal."""
