"""
Advice: what one's own workload would have cost at several prices of waiting, and under stock KEDA.
"""
