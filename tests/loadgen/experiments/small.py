"""
A small experiment, for tests: two workloads, five policies, a grid.
"""

from __future__ import annotations

SMALL = """
title: Small & quick
description: Half an hour of a trickle, and of bursts.
seeds: [1, 2]
waitingPrices: [0.5, 2]
workloads:
  trickle:
    arrivals: {kind: poisson, rate: 20/h}
    service: {kind: exponential, mean: 30s}
    length: 30m
  bursts:
    arrivals:
      kind: together
      parts:
        - {kind: bursts, rate: 6/h, size: 6, spread: 30s}
        - {kind: constant, rate: 1/h}
    service: {mean: 20s}
    length: 30m
worlds:
  quick: {modelLoad: 10s}
  slow: {modelLoad: 3m, concurrency: 2}
policies:
  ours:
    scaler: {queue: {target: 1}, replicas: {max: 3}}
    scaledObject: {maxReplicaCount: 3}
  one: {fixed: {replicas: 1}}
  redis:
    stock:
      maxReplicaCount: 3
      triggers: [{type: redis, metadata: {listLength: "1"}}]
    grid:
      stock.cooldownPeriod: [30, 300]
      stock.triggers.0.metadata.listLength: [1, 5]
  both:
    stock:
      maxReplicaCount: 3
      triggers:
        - {type: rabbitmq, metadata: {value: "2"}}
        - {type: prometheus, measures: gpu, metadata: {threshold: "80"}}
"""
"""2 workloads, 2 worlds, 2 seeds, and 1 + 1 + 4 + 1 variants: 56 cells."""
CELLS = 56
