"""
Recordings: arrivals, service times and cold starts out of what a Prometheus remembers.
"""
