"""
Queues: where jobs come from and where they are put, one file a system.
"""
