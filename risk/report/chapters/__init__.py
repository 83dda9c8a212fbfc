"""The chapters of a report, a file each: facts in, blocks of words out. Pure."""
