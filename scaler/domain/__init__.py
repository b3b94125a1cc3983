"""
What it means: readings, policies, decisions. Pure: no clock, no I/O, no logging.
"""
