"""
The wire: code generated from proto/externalscaler.proto by `make proto`. Nothing in here is written by hand.
"""
