"""Why each occurrence began: worked out once by the risk process, kept, and told by the pages and by `davy detectors explain`."""
