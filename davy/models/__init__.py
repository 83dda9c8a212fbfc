"""Models over several sensors: fitted, run as a process, published as readings of virtual sensors."""
