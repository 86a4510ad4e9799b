"""S3 whose objects are plain files in a folder per bucket."""
