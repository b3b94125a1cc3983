"""
When to look, whom to tell.
"""
