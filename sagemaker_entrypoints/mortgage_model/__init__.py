"""The library that training, validation and serving share: features, booster, calibration, grades, artifact."""
