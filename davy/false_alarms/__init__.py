"""The budget of false alarms of a site: what its statistics say of normal operation, and the setpoints that follow."""
