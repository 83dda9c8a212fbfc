"""The second opinion: which windows of a day are least like the weeks before, ranked for a person to look at. It raises no alarm."""
