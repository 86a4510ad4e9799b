"""What serving needs, no more: a trained model read from its artifact, contract rows in, PD, grade and reasons out."""
