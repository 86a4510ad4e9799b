"""What runs inside a SageMaker job's own runtime, not in the server: it imports nothing else of local_aws."""
