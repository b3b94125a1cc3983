"""
The load lab: what a policy would have done to a workload. It imports scaler.domain and nothing else of the scaler.
"""
