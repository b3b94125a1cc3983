"""
The command `loadgen publish`: jobs sent at given times, and how late they were.
"""
