"""OpenTelemetry: the figures of /metrics and a trace of every request, sent by OTLP over HTTP where that is set.

Off unless STOCKPILE_TELEMETRY, or the standard's own OTEL_EXPORTER_OTLP_ENDPOINT, names a collector; needs the extra
`telemetry`. Names, labels and units are those of /metrics, so that one dashboard and one set of alerts serve both ways.
No figure and no span holds a person, a quantity or what was sent: routes, statuses, kinds and lengths alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from stockpile import __version__
from stockpile.counting import BUCKETS, Counts, Labels, counts, trace_by
from stockpile.errors import Invalid
from stockpile.settings import Settings
from stockpile.upkeep.metrics import COUNTERS, GAUGES, LENGTHS, Figures

EVERY_MILLISECONDS: Final = 15_000
GIVE_UP_SECONDS: Final = 5


class NoTelemetry(Invalid):
    """Telemetry is asked for and its libraries are not installed."""

    code = "no_telemetry"


def endpoint(settings: Settings) -> str:
    """Where telemetry is sent; empty: nowhere."""
    return settings.telemetry or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")


class Telemetry:
    """What is sent while a service lives: figures four times a minute, spans as they end; `end` sends the rest."""

    def __init__(self, where: str, *, requests: Counts, standing: Callable[[], Figures]) -> None:
        sdk = _Sdk()
        resource = sdk.Resource.create({"service.name": "stockpile", "service.version": __version__})
        base = where.rstrip("/")
        figures = sdk.MetricExporter(endpoint=f"{base}/v1/metrics", timeout=GIVE_UP_SECONDS)
        reader = sdk.Reader(figures, export_interval_millis=EVERY_MILLISECONDS)
        self._meters = sdk.MeterProvider(resource=resource, metric_readers=[reader])
        spans = sdk.SpanExporter(endpoint=f"{base}/v1/traces", timeout=GIVE_UP_SECONDS)
        self._traces = sdk.TracerProvider(resource=resource)
        self._traces.add_span_processor(sdk.SpanProcessor(spans))
        self._tracer = self._traces.get_tracer("stockpile", __version__)
        self._sdk, self._sources = sdk, (requests, counts)
        self._tell_of(standing)
        trace_by(self._span)

    def _tell_of(self, standing: Callable[[], Figures]) -> None:
        meter, once = self._meters.get_meter("stockpile", __version__), _Once(standing)
        for name, about in COUNTERS.items():
            meter.create_observable_counter(name, [self._observed(name, self._counted)], description=about)
        for name, about in GAUGES.items():
            meter.create_observable_gauge(name, [self._observed(name, once)], description=about)
        lengths = {
            name: meter.create_histogram(name, unit="s", description=about, explicit_bucket_boundaries_advisory=BUCKETS)
            for name, about in LENGTHS.items()
        }

        def length(name: str, seconds: float, labels: Labels) -> None:
            lengths[name].record(seconds, dict(labels))

        self._listener = length
        for source in self._sources:
            source.listen(length)

    def _counted(self) -> Figures:
        return {key: count for source in self._sources for key, count in source.counters().items()}

    def _observed(self, name: str, figures: Callable[[], Figures]) -> Callable[[Any], list[Any]]:
        """What the library asks when it is time to send the figures of this name."""

        def tell(_options: Any) -> list[Any]:
            known = figures().items()
            return [self._sdk.Observation(value, dict(labels)) for (key, labels), value in known if key == name]

        return tell

    @contextmanager
    def _span(self, what: str, facts: Mapping[str, str]) -> Iterator[Any]:
        """A span; of a request it is the server's, and goes on with the trace that the client began."""
        kind, context = self._sdk.SpanKind.INTERNAL, None
        if what == "request":
            kind, context = self._sdk.SpanKind.SERVER, self._sdk.extract({"traceparent": facts["traceparent"]})
            facts = {}
        with self._tracer.start_as_current_span(what, kind=kind, context=context, attributes=dict(facts)) as span:
            yield span

    def end(self) -> None:
        """Send what is left and stop."""
        trace_by(None)
        self._traces.shutdown()
        self._meters.shutdown(timeout_millis=GIVE_UP_SECONDS * 1000)
        for source in self._sources:
            source.forget(self._listener)


class _Once:
    """What stands, asked for once for all gauges of one sending."""

    def __init__(self, standing: Callable[[], Figures]) -> None:
        self._standing = standing
        self._known: Figures = {}
        self._asked = -1.0

    def __call__(self) -> Figures:
        """The figures of a second ago, or new ones."""
        if time.monotonic() - self._asked > 1:
            self._known, self._asked = self._standing(), time.monotonic()
        return self._known


class _Sdk:
    """The libraries of the extra `telemetry`, imported where they are needed first."""

    def __init__(self) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.metrics import Observation
            from opentelemetry.propagate import extract
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace import SpanKind
        except ImportError as failure:
            raise NoTelemetry(
                "telemetry is asked for and not installed: pip install 'stockpile[telemetry]', or unset it",
                field="STOCKPILE_TELEMETRY",
            ) from failure
        self.MetricExporter, self.SpanExporter, self.Observation = OTLPMetricExporter, OTLPSpanExporter, Observation
        self.MeterProvider, self.Reader, self.Resource = MeterProvider, PeriodicExportingMetricReader, Resource
        self.TracerProvider, self.SpanProcessor, self.SpanKind = TracerProvider, BatchSpanProcessor, SpanKind
        self.extract = extract
