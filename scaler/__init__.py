"""
A KEDA external scaler that joins queue depth, request rate and GPU utilisation into one decision.
"""

__version__ = "0.1.0"
