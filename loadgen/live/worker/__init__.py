"""
The command `loadgen worker`: an agent that takes jobs, and everything around it that an agent has.
"""
