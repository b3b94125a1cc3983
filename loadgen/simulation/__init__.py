"""
Virtual time: what would have happened to a workload, event by event, under a way of scaling it.
"""
