"""The command line and the composition root: the one place where the packages are wired together."""
