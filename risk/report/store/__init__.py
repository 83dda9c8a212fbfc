"""What a report reads from the database, under the reader's principal."""
