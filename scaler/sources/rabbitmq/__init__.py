"""
RabbitMQ: its queues by AMQP, by the management API, or by both.
"""

from scaler.sources.rabbitmq.source import RabbitSource

__all__ = ["RabbitSource"]
