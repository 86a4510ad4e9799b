"""What a container is here: the virtual environment that its image stands for, and a private /opt/ml.

Three ways to a private /opt/ml, the first that works on this machine is taken:

1. root on Linux: a mount namespace of the job's own, its folder bind-mounted over /opt/ml;
2. any user on Linux that may create user namespaces: the same, inside one;
3. elsewhere (macOS, Docker without privileges): no mount. Paths below /opt/ml are rewritten in arguments, environment
   values and in the Python, shell and JSON files among the job's inputs (its own copies of them) to a link to the
   job's folder, whose name needs no quotes anywhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from local_aws.kernel.config import Config
from local_aws.sagemaker.validation import invalid

OPT_ML = "/opt/ml"
_REWRITTEN_SUFFIXES = {".py", ".sh", ".json"}
_REWRITTEN_LIMIT = 2 << 20
_TEMPORARY = ".tmp"

# Where /opt/ml is no folder, /opt is rebuilt on a tmpfs inside the namespace: the machine stays untouched.
_MOUNT_SCRIPT = """
set -e
ml=$1; shift
if [ ! -d /opt/ml ]; then
  mkdir -p "$ml.opt"
  mount --rbind /opt "$ml.opt"
  mount -t tmpfs tmpfs /opt
  for entry in "$ml.opt"/* "$ml.opt"/.[!.]*; do
    target="/opt/${entry##*/}"
    if [ -d "$entry" ] && [ ! -L "$entry" ]; then mkdir "$target"; mount --rbind "$entry" "$target"
    elif [ -e "$entry" ] || [ -L "$entry" ]; then cp -P "$entry" "$target"; fi
  done
  mkdir /opt/ml
fi
mount --bind "$ml" /opt/ml
exec "$@"
"""
_NAMESPACES = (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"])


class Runtimes:
    """The runtimes installed on this machine, and how to give a job its /opt/ml."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def python(self, image: str) -> Path:
        """The interpreter of the runtime ``<repository>-<tag>`` of ``<registry>/<repository>:<tag>``."""
        match = re.fullmatch(r"(?:.*/)?([\w.-]+):([\w.-]+?)(?:-cpu-py3\d*)?", image)
        name = f"{match[1]}-{match[2]}" if match else image
        python = self._config.runtimes_dir / name / "bin" / "python"
        if not match or not python.exists():
            known = sorted(path.parent.parent.name for path in self._config.runtimes_dir.glob("sagemaker-*/bin/python"))
            raise invalid(
                f"The image {image} has no runtime {name} in {self._config.runtimes_dir};"
                f" runtimes there: {', '.join(known) or 'none'}"
            )
        return python

    @cached_property
    def namespace(self) -> list[str] | None:
        """The unshare command that works here, or None where paths are rewritten instead."""
        if not shutil.which("unshare") or os.environ.get("LOCAL_AWS_REWRITE_PATHS"):
            return None
        probe = self._config.state_dir / "sagemaker" / "probe"
        (probe / "ml").mkdir(parents=True, exist_ok=True)
        (probe / "ml" / "here").touch()
        try:
            for command in _NAMESPACES:
                argv = [
                    *command,
                    "sh",
                    "-c",
                    _MOUNT_SCRIPT,
                    "sh",
                    str(probe / "ml"),
                    "test",
                    "-e",
                    "/opt/ml/here",
                ]
                if subprocess.run(argv, capture_output=True, timeout=10, check=False).returncode == 0:
                    return command
        except (OSError, subprocess.TimeoutExpired):
            pass
        finally:
            shutil.rmtree(probe, ignore_errors=True)
        return None

    def sandbox(self, directory: Path, image: str) -> Sandbox:
        """The container of one job; it has a folder once it is filled."""
        return Sandbox(directory, self.python(image), self.namespace, self._config.child_environment())


class Sandbox:
    """One container: its folder, environment and command line."""

    def __init__(
        self, directory: Path, python: Path, namespace: list[str] | None, environment: Mapping[str, str]
    ) -> None:
        self.directory = directory
        self.ml = directory / "ml"
        self.python = python
        self._namespace = namespace
        self._environment = environment
        self._link: Path | None = None  # to the job's folder, where it is not mounted

    def fill(self, prepare: Callable[[], None]) -> None:
        """Make the folder, fresh, and put into it what `prepare` does; nothing is left of it where that fails."""
        self.remove()
        try:
            (self.ml / _TEMPORARY).mkdir(parents=True)
            if not self._namespace:
                self._link = Path(tempfile.mkdtemp(prefix="local-aws-")) / "ml"
                self._link.symlink_to(self.ml)
            prepare()
        except BaseException:
            self.remove()
            raise

    @property
    def base(self) -> str:
        """What /opt/ml is called inside the container."""
        return str(self._link or OPT_ML)

    def path(self, inside: str) -> Path:
        """The file behind a path below /opt/ml."""
        return self.ml / Path(inside).relative_to(OPT_ML)

    def command(self, argv: Sequence[str]) -> list[str]:
        if self._namespace:
            return [*self._namespace, "sh", "-c", _MOUNT_SCRIPT, "sh", str(self.ml), *argv]
        return [self._rewrite(argument) for argument in argv]

    def environment(self, job: Mapping[str, str], **ours: str) -> dict[str, str]:
        """The container's whole environment: the image's, AWS access, ours, and the job's own, which wins."""
        return {
            "PATH": f"{self.python.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            # A short path: sockets that a script makes there have a name of 107 bytes at most
            "HOME": f"{self.base}/{_TEMPORARY}",
            "TMPDIR": f"{self.base}/{_TEMPORARY}",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONUNBUFFERED": "TRUE",
            "SAGEMAKER_BASE_DIR": self.base,
            **self._environment,
            # requirements.txt is met by the runtime's lock; what is not in it fails, nothing is downloaded
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            **ours,
            **{key: self._rewrite(value) for key, value in job.items()},
        }

    def prepare_inputs(self, folder: Path) -> None:
        """Where nothing is mounted: make the sources among a job's inputs find the job's folder."""
        if self._namespace:
            return
        for path in folder.rglob("*"):
            if path.suffix in _REWRITTEN_SUFFIXES and path.is_file() and path.stat().st_size <= _REWRITTEN_LIMIT:
                text = path.read_bytes()
                if OPT_ML.encode() in text:
                    path.write_bytes(text.replace(OPT_ML.encode(), self.base.encode()))

    def remove(self) -> None:
        if self._link:
            shutil.rmtree(self._link.parent, ignore_errors=True)
            self._link = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def _rewrite(self, text: str) -> str:
        return text.replace(OPT_ML, self.base)
