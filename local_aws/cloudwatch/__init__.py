"""CloudWatch's alarms: evaluated here, as moto keeps them but never looks at a metric."""
