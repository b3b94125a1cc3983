"""
Arrivals: when jobs come and how long each takes, drawn from patterns or read from traces. Seeded and pure.
"""
