"""
The command `loadgen exporter`: dcgm-exporter's page for GPUs that need not exist.
"""
