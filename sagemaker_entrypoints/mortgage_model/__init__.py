"""The library that training, validation and serving share."""

import os

# XGBoost's threads wait for each other thousands of times a second; by default they spin, and on a machine with
# other work a fit then takes 50 times as long. Read once, when XGBoost is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
