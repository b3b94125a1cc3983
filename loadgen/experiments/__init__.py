"""
Experiments: a file names workloads, worlds, policies and prices; every combination is simulated, and the results kept.
"""
