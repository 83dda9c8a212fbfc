"""`davy doctor`: is this Davy well, and what to do where it is not."""
