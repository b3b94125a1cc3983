"""
Adapters to the systems that know something: one file a system. They translate, and decide nothing.
"""
