"""The library that training, validation, monitoring and serving share, by subject; arrows point downwards only.

table        a model of any table, from a contract and a file
validation   the validator: evidence, the battery of tests, the gate; monitoring: a scored night
report       pages of evidence
development  how a model is made
scoring      what serving needs, no more: with the documents all that a model's archive takes along
statistics   figures of arrays
documents    the types of what is written and read, months and progress: what everybody uses
"""

import os

# XGBoost's threads wait for each other thousands of times a second; by default they spin, and on a machine with
# other work a fit then takes 50 times as long. Read once, when XGBoost is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
