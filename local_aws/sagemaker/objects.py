"""Data into and out of a container: S3 prefixes, manifests and archives, straight from the store's files."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from local_aws.kernel import disk
from local_aws.kernel.errors import AwsError
from local_aws.s3.store import S3Store


class DataError(Exception):
    """Input data that is absent or unusable; its text is for the job's FailureReason."""


class NothingFound(DataError):
    """There is no object under a prefix."""


_S3_URI = re.compile(r"s3://([^/]+)/?(.*)", re.DOTALL)
_HTTPS_URL = re.compile(r"https://(?:([^/]+)\.s3|s3)[.-][^/]*amazonaws\.com(?:\.cn)?(?:/(.*))?", re.DOTALL)


def split_uri(uri: str) -> tuple[str, str]:
    """(bucket, key) of an s3:// URI, whose key stands as it is ("#", "?" and "%" too), or of an https:// S3 URL."""
    if match := _S3_URI.fullmatch(uri):
        return match[1], match[2]
    if match := _HTTPS_URL.fullmatch(uri):
        path = unquote(re.split(r"[?#]", match[2] or "")[0])
        bucket, _, key = path.partition("/")
        return (match[1], path) if match[1] else (bucket, key)
    raise DataError(f"{uri} is not an S3 URI")


def relative_name(prefix: str, key: str) -> str:
    """Where an object found under a prefix goes below the target folder.

    The prefix may be a folder with or without its slash, one whole key, or the beginning of file names.
    """
    if prefix.endswith("/") or not prefix:
        return key[len(prefix) :]
    if key.startswith(f"{prefix}/"):
        return key[len(prefix) + 1 :]
    return key[prefix.rfind("/") + 1 :]


class Objects:
    """The server's S3 store as jobs see it."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def find(self, uri: str, data_type: str = "S3Prefix") -> list[tuple[str, str, str]]:
        """(bucket, key, relative name) of every object that an S3Prefix or ManifestFile stands for.

        DataError when there is none, when an object of a manifest is missing, or when two would get one name.
        """
        found = list(self._manifest(uri)) if data_type == "ManifestFile" else self._under(uri)
        names: dict[str, str] = {}
        for _, key, name in found:
            if names.setdefault(name, key) != key:
                raise DataError(
                    f'{names[name]} and {key} would both become {name}: "{uri}" stands for objects of several folders;'
                    ' end it with "/" to mean one'
                )
        return found

    def _under(self, uri: str) -> list[tuple[str, str, str]]:
        bucket, prefix = split_uri(uri)
        try:
            found = [
                (bucket, key, relative_name(prefix, key))
                for key in self._store.keys(bucket, prefix)
                if not key.endswith("/")
            ]
        except AwsError as error:
            raise NothingFound(error.message) from None
        if not found:
            raise NothingFound(f'No S3 objects found under S3 URL "{uri}"')
        return found

    def path(self, uri: str) -> Path:
        """The file of one object. DataError when it is absent."""
        bucket, key = split_uri(uri)
        try:
            return self._store.path(bucket, key)
        except AwsError as error:
            raise DataError(f"{uri}: {error.message}") from None

    def size(self, bucket: str, key: str) -> int:
        return self._store.head(bucket, key).size

    def exists(self, uri: str) -> bool:
        try:
            return self.path(uri).is_file()
        except DataError:
            return False

    def download(self, uri: str, target: Path, data_type: str = "S3Prefix", unzip: bool = False) -> int:
        """Copy the objects of an input into a folder and return their number."""
        found = self.find(uri, data_type)
        for bucket, key, name in found:
            destination = target / name
            if not destination.resolve().is_relative_to(target.resolve()):
                raise DataError(f"s3://{bucket}/{key} would be written outside its folder")
            destination.parent.mkdir(parents=True, exist_ok=True)
            try:
                source = self._store.path(bucket, key)
                if unzip:
                    destination = destination.with_suffix("") if destination.suffix == ".gz" else destination
                    with gzip.open(source, "rb") as packed, destination.open("wb") as plain:
                        shutil.copyfileobj(packed, plain, 1 << 20)
                else:
                    shutil.copyfile(source, destination)
            except (AwsError, OSError, EOFError) as error:
                if disk.is_full(error):
                    raise
                raise DataError(f"s3://{bucket}/{key}: {error}") from None
        return len(found)

    def extract(self, uri: str, target: Path) -> None:
        """Unpack a tar.gz object of plain files into a folder."""
        try:
            with tarfile.open(self.path(uri)) as archive:
                for member in archive:
                    require_plain(member, target)
                    archive.extract(member, target)
        except (tarfile.TarError, OSError, EOFError) as error:
            if disk.is_full(error):
                raise
            raise DataError(f"{uri} is not a usable tar.gz archive: {error}") from None

    def require_bucket(self, uri: str) -> None:
        """DataError when the bucket of an output does not exist."""
        try:
            self._store.require_bucket(split_uri(uri)[0])
        except AwsError as error:
            raise DataError(error.message) from None

    def upload_file(self, source: Path, uri: str) -> None:
        bucket, key = split_uri(uri)
        try:
            self._store.put_file(bucket, key, source)
        except AwsError as error:
            raise DataError(f"{uri}: {error.message}") from None

    def upload_folder(self, source: Path, uri: str) -> int:
        """Copy every file below a folder to an S3 prefix and return their number."""
        files = sorted(path for path in source.rglob("*") if path.is_file())
        for path in files:
            self.upload_file(path, f"{uri.rstrip('/')}/{path.relative_to(source).as_posix()}")
        return len(files)

    def upload_archive(self, source: Path, uri: str, scratch: Path) -> None:
        """Pack the content of a folder into a tar.gz object."""
        try:
            with tarfile.open(scratch, "w:gz", compresslevel=6) as archive:
                for path in sorted(source.iterdir()):
                    archive.add(path, arcname=path.name)
            self.upload_file(scratch, uri)
        finally:
            scratch.unlink(missing_ok=True)

    def _manifest(self, uri: str) -> Iterator[tuple[str, str, str]]:
        try:
            entries = json.loads(self.path(uri).read_bytes())
            prefix = entries[0]["prefix"]
            names = [str(name) for name in entries[1:]]
        except (ValueError, LookupError, TypeError):
            raise DataError(f'{uri} is not a manifest: [{{"prefix": "s3://..."}}, "relative/path", ...]') from None
        if not names:
            raise DataError(f"The manifest {uri} names no object")
        for name in names:
            bucket, key = split_uri(prefix + name)
            if not self.exists(prefix + name):
                raise DataError(f"{prefix + name}, named in the manifest {uri}, does not exist")
            yield bucket, key, str(PurePosixPath(name))


def require_plain(member: tarfile.TarInfo, target: Path) -> None:
    """tarfile.TarError for a link, a device or a name that leads out of `target`.

    tarfile's own filters are not there before Python 3.11.4; Debian 12 has 3.11.2.
    """
    inside = (target / member.name).resolve().is_relative_to(target.resolve())
    if not inside or not (member.isfile() or member.isdir()):
        raise tarfile.TarError(f"{member.name} is no plain file below its folder")
