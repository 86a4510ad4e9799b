"""Archives of models and code, unpacked without leaving their folder; on any Python 3.11."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from local_aws.sagemaker.objects import require_plain


def entry(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize("name", ["model.json", "./code/inference.py", "a/../b"])
def test_plain_files_are_taken(name: str, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(entry(name))
    packed.seek(0)
    with tarfile.open(fileobj=packed) as archive:
        for member in archive:
            require_plain(member, tmp_path)


@pytest.mark.parametrize(
    "member",
    [entry("../escaped"), entry("/etc/cron.d/x"), entry("link", tarfile.SYMTYPE), entry("hard", tarfile.LNKTYPE),
     entry("device", tarfile.CHRTYPE)],
    ids=lambda member: member.name,
)  # fmt: skip
def test_what_leads_out_is_refused(member: tarfile.TarInfo, tmp_path: Path) -> None:
    with pytest.raises(tarfile.TarError, match=member.name):
        require_plain(member, tmp_path)
