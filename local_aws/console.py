from __future__ import annotations
from werkzeug.wrappers import Response
class Console:
    def __init__(self, config): self.config = config
    def __call__(self, request): return Response("console")
