"""What every run needs: arguments, a Spark session, log lines."""
