"""
Redis: plain structures, task frameworks' queues, and changes as the server announces them.
"""

from scaler.sources.redis.source import RedisSource

__all__ = ["RedisSource"]
