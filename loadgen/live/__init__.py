"""
The live half of the load lab: real jobs for real workers, simulated GPUs, and what came of it.
"""
