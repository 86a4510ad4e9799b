from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "plugins"))
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))
os.environ.update(
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(REPO / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(REPO / "plugins"),
    AIRFLOW__MORTGAGE_RISK__EXECUTION_ROLE_ARN="arn:aws:iam::123456789012:role/sagemaker",
    AIRFLOW__MORTGAGE_RISK__GLUE_ROLE_ARN="arn:aws:iam::123456789012:role/glue",
    AIRFLOW__MORTGAGE_RISK__IMAGE_URI="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
)
