"""Runs one Glue script: `<runtime's python> -P launch.py script.py [arguments]`, as the server starts it (-P keeps this
folder off the import path).

Environment: GLUE_RUN_FOLDER (scratch; error.json tells the server why the script failed; stderr is a pipe to the
server), GLUE_S3_ROOT (a folder per bucket), GLUE_CONF (the job's --conf).
"""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import shlex
import sys
import traceback
import warnings
from pathlib import Path
from types import ModuleType

_LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %m%n
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
"""


def main() -> int:
    folder, script = Path(os.environ["GLUE_RUN_FOLDER"]), sys.argv[1]
    os.dup2(os.open(folder / "stderr", os.O_WRONLY), 2)
    runtime = _load_runtime()
    conf = runtime.configuration(
        Path(os.environ["GLUE_S3_ROOT"]), folder / "tmp", runtime.spark.parse_conf(os.environ.get("GLUE_CONF", ""))
    )
    # A file of settings instead of builder calls: it holds however the script makes its session
    (folder / "log4j2.properties").write_text(_LOG4J)
    log4j = runtime.spark.java_option(f"-Dlog4j2.configurationFile={(folder / 'log4j2.properties').as_uri()}")
    conf["spark.driver.defaultJavaOptions"] += f" {log4j}"
    settings = folder / "spark.properties"
    settings.write_text(runtime.spark.properties(conf), encoding="utf-8")
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--properties-file {shlex.quote(str(settings))} pyspark-shell"
    runtime.spark.set_environment()
    runtime.shim.install()
    warnings.filterwarnings("ignore", "DataFrame constructor is internal")  # awsglue's own way
    sys.argv = sys.argv[1:]
    sys.path.insert(0, str(folder))
    try:
        runpy.run_path(script, run_name="__main__")
        code, message = 0, ""
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        message = f"SystemExit: {error.code}"
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException as error:  # noqa: BLE001  whatever ends the script is its error message
        _print_traceback(error)
        # Spark's exceptions carry the JVM's stack trace in their text
        code, message = 1, traceback.format_exception_only(error)[-1].strip().split("\n\tat ")[0][:2000]
    if code:
        with (folder / "error.json").open("r+") as stream:  # over the blanks that keep its room on the disk
            stream.write(json.dumps({"message": message}))
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _load_runtime() -> ModuleType:
    """This package alone: the rest of local_aws and the project it lies in may not show up on the job's path."""
    here = Path(__file__).resolve().parent
    nothing_else = ModuleType("local_aws")
    nothing_else.__path__ = []
    sys.modules["local_aws"] = nothing_else
    spec = importlib.util.spec_from_file_location(
        "local_aws.glue_runtime", here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["local_aws.glue_runtime"] = module
    spec.loader.exec_module(module)
    importlib.import_module("local_aws.glue_runtime.shim")
    return module


def _print_traceback(error: BaseException) -> None:
    """Without the launcher's own frames."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename in (__file__, runpy.__file__, "<frozen runpy>"):
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames)


if __name__ == "__main__":
    exit_code = main()
    os._exit(exit_code)  # the server cleans up what is left; nobody waits for the JVM's shutdown hooks
