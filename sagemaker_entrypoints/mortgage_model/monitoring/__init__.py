"""Monitoring of a scored night: drift, scores, performance as labels mature, rules; aggregates in, aggregates out.

job            the night read, measured, written
inputs         what the job is given: loans and scores, the night before, outcomes by panel
night          one night's document, made of what follows
recent         the reference of the last nights, carried from night to night
features       data drift of the scoring input, feature by feature
effects        what each input does to tonight's PDs
scores         PD distribution, grades, migration, segments
performance    outcomes of past nights, by what has matured
rules          which figures are a finding, and how severe
model_monitor  the document as SageMaker Model Monitor's three files
page           the night's report
"""
