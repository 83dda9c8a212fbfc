"""What the demo has behind it: two hours of readings that its model learns from, and sixty days that are marked simulated."""
