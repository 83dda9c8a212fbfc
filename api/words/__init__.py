"""What a reader sees: sentences, names and numbers in their language. Pure."""
