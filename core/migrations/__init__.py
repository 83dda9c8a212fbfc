"""The schema as plain forward SQL; see core/migrate.py."""
