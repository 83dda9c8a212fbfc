"""The JSON API: the same principal, the same rules, the same sentences as the pages."""
