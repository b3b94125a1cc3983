"""
The observer: workloads as their cluster shows them, and what a person should find there, by Kubernetes' API.
"""
