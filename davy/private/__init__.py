"""A whole Davy on servers of its own: `davy up`, `davy demo`, `davy simulate`, the benches and the end-to-end tests."""
