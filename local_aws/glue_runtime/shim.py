"""The JVM side of awsglue as Python objects, set on Spark's JVM view under the names that awsglue looks up.

The real `awsglue` package stays as it is; without AWS's jar its calls end in `'JavaPackage' object is not callable`.
`install()` hooks the two places where it imports its Java classes.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from local_aws.glue_runtime.context import GlueScalaContext
from local_aws.glue_runtime.frames import Frame, Mapping, Resolve, sequence


def install() -> None:
    """Make awsglue use these objects. Call before a script imports it; calling again changes nothing."""
    import awsglue.context
    import awsglue.job
    from pyspark import cloudpickle

    # Python workers cannot import this package: it is not on a job's path
    cloudpickle.register_pickle_by_value(sys.modules[__package__])
    for module in (awsglue.context, awsglue.job):
        module.java_import = _java_import


def _java_import(jvm: Any, name: str) -> None:
    if not name.startswith(("com.amazonaws.services.glue", "org.apache.spark.sql.glue")):
        from py4j.java_gateway import java_import

        java_import(jvm, name)
    elif "JsonOptions" not in vars(jvm):
        vars(jvm).update(_CLASSES)
        jvm.PythonUtils = _PythonUtils(jvm.PythonUtils)


class _PythonUtils:
    """Spark's own, but a list with objects of this module stays a Python list."""

    def __init__(self, real: Any):
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def toSeq(self, items: Any) -> Any:
        ours = isinstance(items, list) and any(isinstance(item, (Mapping, Resolve)) for item in items)
        return items if ours else self._real.toSeq(items)


class _Apply:
    """A Scala companion object: `jvm.Name.apply(…)`."""

    def __init__(self, make: Any):
        self.apply = make


class _DynamicFrameClass:
    def apply(self, jdf: Any, context: Any) -> Frame:
        return Frame.of_java(jdf)

    def emptyDynamicFrame(self, context: Any) -> Frame:
        return Frame.empty()

    def fromPythonRDD(
        self, parent: Frame, jrdd: Any, context: Any, ctx: str, name: str, site: Any, *limits: int
    ) -> Frame:
        return parent.of_records(jrdd)


class _GluePythonUtils:
    def seqAsJava(self, items: Any) -> list[Any]:
        return sequence(items)

    def constructOption(self, value: Any) -> Any:
        return value

    def constructChoiceOption(self, value: Any) -> Any:
        return value


class _RecordUtils:
    def quoteName(self, name: str) -> str:
        return f"`{name}`" if "." in name else name


class _Job:
    """Job bookmarks do not exist here (StartJobRun refuses them), so there is nothing to commit."""

    def __init__(self) -> None:
        self._initialized = False

    def init(self, name: str, session: Any, arguments: dict[str, str]) -> None:
        self._initialized = True

    def isInitialized(self) -> bool:
        return self._initialized

    def commit(self) -> None:
        if not self._initialized:
            raise RuntimeError("Job.commit() before Job.init()")


class _GlueLogger:
    """`glueContext.get_logger()`: a line on stderr, which goes to the error log as on AWS."""

    def __call__(self) -> _GlueLogger:
        return self

    def _log(self, level: str, message: str) -> None:
        print(f"{level} {message}", file=sys.stderr, flush=True)

    def trace(self, message: str, *arguments: Any) -> None:
        """Below the level that Glue shows."""

    debug = trace

    def info(self, message: str, *arguments: Any) -> None:
        self._log("INFO", message)

    def warn(self, message: str, *arguments: Any) -> None:
        self._log("WARN", message)

    def error(self, message: str, *arguments: Any) -> None:
        self._log("ERROR", message)


def _tuple_of(scala_tuple: Any) -> tuple[Any, ...]:
    return tuple(scala_tuple.productElement(i) for i in range(scala_tuple.productArity()))


_CLASSES: dict[str, Any] = {
    "JsonOptions": json.loads,
    "CallSite": lambda site, info: info,
    "GluePythonUtils": _GluePythonUtils(),
    "RecordUtils": _RecordUtils(),
    "MappingSpec": _Apply(lambda scala_tuple: Mapping.of(*_tuple_of(scala_tuple))),
    "ResolveSpec": _Apply(Resolve),
    "DynamicFrame": _DynamicFrameClass(),
    "GlueContext": GlueScalaContext,
    "Job": _Job(),
    "GlueLogger": _GlueLogger(),
}
