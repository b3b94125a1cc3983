"""
The page: where every workload stands, for people. Rendered here, read only, and nothing of it comes from elsewhere.
"""
