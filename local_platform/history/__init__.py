"""Two years of monitored nights from the demo's own model and loan panel: book, nights, installation.

This room runs in the SageMaker runtime, on code of the model and of the plugins; nothing else of local_platform imports
it. `make history` starts it (commands/history.py).
"""
