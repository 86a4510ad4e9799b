"""Datasets on S3: data first, the manifest that points to it last."""
