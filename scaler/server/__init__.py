"""
gRPC and HTTP: translation only.
"""
