"""The pages, one module a room. Every action is a plain form that works without JavaScript."""
