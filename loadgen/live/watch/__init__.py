"""
The command `loadgen watch`: what really happened, against what the simulator says for the same arrivals.
"""
