"""Finds raw files and reads them as numbered lines; refuses by name a file that is wrong as a whole."""
