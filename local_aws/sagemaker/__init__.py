"""SageMaker in the server: jobs that really run, models, the registry, endpoints."""
