"""
GPUs: none, a simulated one, or NVIDIA's.
"""
