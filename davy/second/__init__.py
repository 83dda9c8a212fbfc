"""The second opinion joined with the database: what is read of a site, judged in a process of its own, and kept for people to look at."""
