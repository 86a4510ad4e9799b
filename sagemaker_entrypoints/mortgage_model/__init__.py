"""The library that training, validation and serving share."""
