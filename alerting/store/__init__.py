"""All SQL of alerting: definitions and routes, alarms and their transitions, notifications."""

from alerting.store.definitions import load_definitions, load_routes

__all__ = ["load_definitions", "load_routes"]
