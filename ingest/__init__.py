"""Messages in: subscribe, decode, judge, store, acknowledge. The story of a batch is told in pipeline.py."""
