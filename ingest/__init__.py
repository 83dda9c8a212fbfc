"""From the broker to the database: receive, decode, sort out, judge once, store, acknowledge.

`pipeline.py` tells the story of a batch; `worker.py` runs it. Acknowledged means judged, and stored or in the spool.
"""
