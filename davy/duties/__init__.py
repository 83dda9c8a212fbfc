"""What Davy does by the clock, beside judging and sending."""
