"""Errors in the shapes the AWS protocols give them."""

from __future__ import annotations

import json
import uuid
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response


class AwsError(Exception):
    """An error that a client may see: an AWS code, a sentence, an HTTP status.

    The status stays below 500, but for a disk that was full before anything was done (disk.py): botocore retries
    500, 502, 503 and 504, and a retry of a request that starts a job would start it twice.
    """

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def unsupported(api: str, why: str = "") -> AwsError:
    return AwsError("UnsupportedOperation", f"local_aws does not support {api}{': ' + why if why else ''}")


def json_response(error: AwsError) -> Response:
    body = json.dumps({"__type": error.code, "message": error.message, "Message": error.message})
    response = Response(body, status=error.status, content_type="application/x-amz-json-1.1")
    response.headers["x-amzn-ErrorType"] = error.code
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response


def query_response(error: AwsError) -> Response:
    """For services that speak the query protocol (IAM, STS, SNS, CloudWatch)."""
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return Response(body, status=error.status, content_type="text/xml")


def s3_response(error: AwsError, resource: str = "") -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
        f"<Resource>{escape(resource)}</Resource><RequestId>{uuid.uuid4().hex[:16].upper()}</RequestId></Error>"
    )
    return Response(body, status=error.status, content_type="application/xml")
