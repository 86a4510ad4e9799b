"""What every service of the server builds on: processes, state, logs, errors, settings. It knows no service."""
