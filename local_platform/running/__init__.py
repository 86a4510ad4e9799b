"""The platform's processes: what they are, how they start, stay up and stop, and the state they keep."""
