"""
What the operator and the tenants say: process settings, the ConfigMap document, trigger metadata.
"""
