"""Monitoring of a scored night: drift, scores, performance as labels mature, rules; aggregates in, aggregates out.

recent        the reference of the last nights, carried from night to night
features      data drift of the scoring input, feature by feature
scores        PD distribution, grades, migration, segments
performance   outcomes of past nights, by what has matured
rules         which figures are a finding, and how grave
night         one night's document, made of the above
model_monitor the document as SageMaker Model Monitor's three files
"""
