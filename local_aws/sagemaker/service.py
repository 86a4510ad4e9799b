"""What all SageMaker resources share: where records live, ARNs, tags, lists."""

from __future__ import annotations

import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from local_aws.kernel.config import Caller, Config, Operation
from local_aws.kernel.errors import AwsError
from local_aws.kernel.state import Collection, Record
from local_aws.s3.store import S3Store
from local_aws.sagemaker.containers import Runtimes
from local_aws.sagemaker.objects import DataError, NothingFound, Objects, split_uri
from local_aws.sagemaker.validation import invalid

Operations = dict[str, Operation]

DEFAULT_PAGE = 10  # what the service returns when MaxResults is not given


class Service:
    """Handed to every kind of resource. One region and one account, the configured ones."""

    def __init__(self, config: Config, store: S3Store) -> None:
        self.config = config
        self.objects = Objects(store)
        self.runtimes = Runtimes(config)
        self.tags = self.collection("tags")
        self.closing = False
        shutil.rmtree(self.containers, ignore_errors=True)  # of jobs that the previous server left running

    @property
    def containers(self) -> Path:
        """The folder of the containers' folders."""
        return self.config.state_dir / "sagemaker" / "containers"

    def collection(self, name: str) -> Collection:
        return Collection(self.config.state_dir / "sagemaker" / name)

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{self.config.region}:{Caller(self.config.region).account_id}:{kind}/{name}"

    def set_tags(self, arn: str, tags: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
        """Add or replace tags of a resource and return all it has."""
        with self.tags.lock:
            merged = dict((self.tags.get(arn) or {}).get("tags", {}))
            merged.update({tag["Key"]: tag["Value"] for tag in tags})
            if len(merged) > 50:
                raise invalid("A resource can have at most 50 tags")
            if merged:
                self.tags.put(arn, {"tags": merged})
        return tag_list(merged)

    def require_objects(self, source: Record, role: str) -> None:
        """The service looks for the data when a job is created, and says this when there is none."""
        uri = source["S3Uri"]
        try:
            self.objects.find(uri, source["S3DataType"])
        except NothingFound:
            raise invalid(
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure'
                f" that the bucket exists in the selected region ({self.config.region}), that objects exist"
                " under that S3 prefix,"
                f' and that the role "{role}" has "s3:ListBucket" permissions on bucket "{split_uri(uri)[0]}".'
            ) from None
        except DataError as error:
            raise invalid(str(error)) from None


class Resource(ABC):
    """One kind of resource: its records by name, their ARNs, and the API's operations on them."""

    arn_kind: str  # "training-job"

    @abstractmethod
    def operations(self) -> Operations:
        """The API's name of each operation ("CreateModel") and what answers it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.records = service.collection(f"{self.arn_kind}s")

    def arn(self, name: str) -> str:
        return self.service.arn(self.arn_kind, name)

    def store(self, name: str, record: Record, tags: Iterable[Mapping[str, str]]) -> bool:
        """Keep a new record and its tags, or neither; False where the name is taken."""
        with self.records.lock:
            if name in self.records:
                return False
            self.service.set_tags(self.arn(name), tags)
            try:
                self.records.put(name, record)
            except BaseException:
                self.service.tags.delete(self.arn(name))
                raise
            return True

    def has_arn(self, arn: str) -> bool:
        prefix = self.arn("")
        return arn.startswith(prefix) and arn.removeprefix(prefix) in self.records


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def public(record: Record) -> Record:
    """The record without our own fields, which start with an underscore."""
    return {key: value for key, value in record.items() if not key.startswith("_")}


def in_use(what: str, arn: str) -> AwsError:
    return AwsError(
        "ResourceInUse",
        f"{what} names must be unique within an AWS account and region, and a {what.lower()} with this name"
        f" already exists ({arn})",
    )


def summaries(
    records: Iterable[Record],
    params: Mapping[str, Any],
    *,
    name: str,
    fields: Iterable[str],
    status: str | None = None,
    descending: bool = False,
    matches: Callable[[Record], bool] = lambda record: True,
) -> tuple[list[Record], dict[str, str]]:
    """The common List*: filter by name, status and times, sort, page; gives (page, NextToken or nothing)."""

    def wanted(record: Record) -> bool:
        created, modified = record["CreationTime"], record.get("LastModifiedTime", record["CreationTime"])
        return (
            params.get("NameContains", "").lower() in record[name].lower()
            and (status is None or params.get("StatusEquals") in (None, record[status]))
            and created > params.get("CreationTimeAfter", float("-inf"))
            and created < params.get("CreationTimeBefore", float("inf"))
            and modified > params.get("LastModifiedTimeAfter", float("-inf"))
            and modified < params.get("LastModifiedTimeBefore", float("inf"))
            and matches(record)
        )

    sort_by = {"Name": name, "Status": status}.get(params.get("SortBy", "")) or "CreationTime"
    order = params.get("SortOrder", "Descending" if descending else "Ascending")
    found = sorted(filter(wanted, records), key=lambda record: (record[sort_by], record["CreationTime"]))
    if order == "Descending":
        found.reverse()
    start = _offset(params.get("NextToken"))
    end = start + params.get("MaxResults", DEFAULT_PAGE)
    page = [{field: record[field] for field in fields if field in record} for record in found[start:end]]
    return page, {"NextToken": str(end)} if end < len(found) else {}


def _offset(token: str | None) -> int:
    if token and not token.isdigit():
        raise invalid("Invalid NextToken")
    return int(token or 0)


class Tags:
    """AddTags, ListTags, DeleteTags on any ARN of ours."""

    def __init__(self, service: Service, exists: Callable[[str], bool]) -> None:
        self._service = service
        self._exists = exists

    def operations(self) -> Operations:
        return {"AddTags": self.add, "ListTags": self.list_all, "DeleteTags": self.delete}

    def add(self, params: Record, caller: Caller) -> Record:
        self._require(params["ResourceArn"])
        return {"Tags": self._service.set_tags(params["ResourceArn"], params["Tags"])}

    def list_all(self, params: Record, caller: Caller) -> Record:
        self._require(params["ResourceArn"])
        tags = tag_list((self._service.tags.get(params["ResourceArn"]) or {}).get("tags", {}))
        start = _offset(params.get("NextToken"))
        end = start + params.get("MaxResults", 50)
        return {"Tags": tags[start:end]} | ({"NextToken": str(end)} if end < len(tags) else {})

    def delete(self, params: Record, caller: Caller) -> Record:
        arn = params["ResourceArn"]
        self._require(arn)
        with self._service.tags.lock:
            tags = (self._service.tags.get(arn) or {}).get("tags", {})
            self._service.tags.put(arn, {"tags": {k: v for k, v in tags.items() if k not in params["TagKeys"]}})
        return {}

    def _require(self, arn: str) -> None:
        if not self._exists(arn):
            raise AwsError("ResourceNotFound", f"Resource {arn} does not exist")


def now() -> float:
    """Epoch seconds, as the protocol writes timestamps."""
    return round(time.time(), 3)
