"""`davy evaluate`: detectors measured on labelled data sets, in process, through the detector, condition and batch code of production.

`reading` finds a folder's files by their columns, `judging` runs numbers through detectors and conditions, a file a data set
holds its protocol, `measures`, `skab_scoring` and `nab_scoring` count, `settings` holds everything that was tuned.
"""
