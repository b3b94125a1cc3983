"""
The policy kind `economic`: one price, that of waiting, and everything else is learned from what is seen.
"""
