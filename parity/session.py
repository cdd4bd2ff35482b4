"""One run of pytest: its settings, what it found, what it writes, and the exit code it ends with."""

import importlib
import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pytest

from . import errors, sides
from .case import Case
from .dtypes import WorkingDtype
from .environment import environment, environment_class
from .errors import NotOnKernelError, ParityError, UsageError
from .golden.format import case_names
from .golden.index import folders, full_name
from .judge import SEEDS, Judgement, judge
from .ledger import KINDS as LEDGER_KINDS
from .ledger import Ledger, update
from .messages import explain
from .nodes import Node, Target, nodes, not_run, targets, without_kernels
from .numerics import chosen
from .probe import ProbeResult, probe_all
from .probe import rows as probe_rows
from .record import Row, RowWriter
from .report import Report
from .settings import PORT_SIDES, PYTEST_NAMES, Settings, from_options
from .swap import applied, swapped, unused

PROPERTY = "parity_row"
USED = "parity_used"
SWAPPED = "parity_swapped"
"""Names of the test properties that carry rows, the fact that a test is about parity, and the swaps that
met something, from wherever it ran to where the report is written."""

ENVIRONMENT = "parity_environment"
"""What a worker hands over at its end."""


class Session:
    """What one run of pytest knows. Workers of a distributed run have one too, but write nothing."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.config = config
        self.settings = settings
        self.worker: str | None = getattr(config, "workerinput", {}).get("workerid")
        self._undo = ExitStack()
        self._ready = False
        self._probe: ProbeResult | None = None
        self._used = False
        self._before: list[Row] = []
        self._probed: set[str] = set()
        self._measured_on: dict[str, Any] | None = None
        self._swapped: set[str] = set()
        self.unused_swaps: list[str] = []
        self._writer = RowWriter(settings.out / "rows.jsonl")
        self.report: Report | None = None
        self._ledger = Ledger.load(settings.baseline)

    @classmethod
    def of_pytest(cls, config: pytest.Config) -> Self:
        """The session that options and ``[tool.parity]`` ask for.

        Raises: UsageError if one of them is wrong.
        """
        settings = from_options(config.rootpath, lambda dest: config.getoption(dest, None))
        distributed = getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput")
        if settings.update_golden and distributed:
            raise UsageError("--update-golden rewrites one index: run it without -n")
        return cls(config, settings)

    # -- before and while tests run -----------------------------------------------------------------

    def prepare(self) -> None:
        """Import specs and swaps: at collection of the first test that wants them.

        Raises: UsageError if a spec module or a swap does not exist.
        """
        if self._ready:
            return
        self._ready = True
        sides.use_blas(self.settings.blas)
        sides.use_threads(self.settings.threads or 1)
        import_specs(self.settings.specs, self.config.rootpath)
        self._undo.enter_context(chosen(self.settings.numerics))
        self._undo.enter_context(swapped(self.settings.swap))

    def targets(self) -> list[Target]:
        """Where the port can run."""
        self.prepare()
        return targets(self.settings)

    def nodes(self, *families: str, **selection: Any) -> Iterator[Node]:
        """The nodes of some families of specs; see `parity.nodes`."""
        self.prepare()
        return nodes(self.settings, families, **selection)

    def goldens(self) -> list[str]:
        """Every golden case on disk under the folder of fixtures, by its name in the index."""
        self.prepare()
        root = self.settings.fixtures
        return [full_name(root, f, name) for f in folders(root) for name in case_names(f)]

    def leave_out(self, items: Sequence[pytest.Item]) -> None:
        """Skip what the profile leaves out, and what needs the live reference if there are only golden files.

        Raises: UsageError if the reference is needed and PyTorch is not here.
        """
        if self.settings.profile == "quick":
            for item in items:
                if item.get_closest_marker("parity_slow"):
                    item.add_marker(pytest.mark.skip(reason="not in the quick profile"))
        live = [i for i in items if i.get_closest_marker("parity_live")]
        if self.settings.oracle == "golden":
            reason = "needs the live reference, and the run is told --oracle golden"
            for item in live:
                item.add_marker(pytest.mark.skip(reason=reason))
                item.user_properties.append((USED, "1"))
        elif live and (missing := sides.why_not("torch")):
            raise pytest.UsageError(f"{missing}; with --oracle golden the port runs against golden files")

    def probe(self) -> ProbeResult:
        """What the probe measures of every side, once in a process."""
        if self._probe is None:
            pairs = [("torch", "cpu")] if sides.why_not("torch") is None else []
            pairs += [(t.side, t.device) for t in self.targets()]
            self._probe = probe_all(pairs, self.settings.working_dtypes())
        return self._probe

    def first_probe(self) -> list[Row]:
        """The probe's rows for the first test of a run (of its first worker); none for the others."""
        if self._probe is not None or self.worker not in (None, "gw0"):
            return []
        return probe_rows(self.probe())

    def environment(self, side: str, device: str) -> str:
        """The class of environment of a side here, once its libraries are loaded."""
        return environment_class(side, device)

    def worse(self, row: Row) -> str | None:
        """Why a row is worse than the ledger has it; with swaps or another seed the ledger does not speak."""
        ledger, settings = self._ledger, self.settings
        if ledger is None or settings.swap or settings.update_baseline or ledger.seed != settings.seed:
            return None
        return ledger.worse(row)

    def repeat(self, item: pytest.Item) -> str:
        """The command that runs one test as it ran here."""
        return shlex.join(["pytest", *self._address(item), *self._options])

    @cached_property
    def _options(self) -> list[str]:
        """The options that make a run like this one."""
        return self.settings.as_options(self.config.rootpath, PYTEST_NAMES)

    def _address(self, item: pytest.Item) -> list[str]:
        """How to name a test: by its file, or for the installed suite by its module."""
        if item.path.is_relative_to(self.config.rootpath):
            return [item.nodeid]
        module = getattr(item.getparent(pytest.Module), "obj", None)
        return ["--pyargs", f"{getattr(module, '__name__', '')}::{item.nodeid.partition('::')[2]}"]

    def close(self) -> None:
        """Undo swaps."""
        self._undo.close()

    # -- what comes back ------------------------------------------------------------------------------

    def start(self) -> None:
        """Put the sides that cannot run on record, before anything else."""
        self._writer.write_all([*not_run(self.settings, executor=True), *without_kernels(self.settings)])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the rows of a test that ended, here or on a worker."""
        properties = report.user_properties
        used = any(name == USED for name, _ in properties)
        self._swapped |= {str(v) for n, v in properties if n == SWAPPED}
        if used and not self._used:
            self._used = True
            self.start()
            self._writer.write_all(self._before)
        rows = [Row.from_dict(json.loads(str(v))) for n, v in properties if n == PROPERTY]
        if report.when == "call":
            # The probe's rows come with a worker's first test and with the probe's own, which may be one.
            probed = {r.id: r for r in rows if r.kind == "probe" and r.id not in self._probed}
            self._probed |= probed.keys()
            self._writer.write_all([*probed.values(), *(r for r in rows if r.kind != "probe")])
        said = any(r.status in ("fail", "undecided") for r in rows if r.kind != "probe")
        if (report.failed and not said) or (report.skipped and used and not rows):
            row = _row_of_report(report)
            if self._used:
                self._writer.write(row)
            else:  # of a test that is not about parity, in a run that may be
                self._before.append(row)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Keep what a worker says of its environment when it ends."""
        said = getattr(node, "workeroutput", {}).get(ENVIRONMENT)
        if said is not None:
            self._measured_on = json.loads(said)

    def finish(self, status: int) -> int:
        """Write the report; the exit code of the run, given pytest's own."""
        if self.worker is not None:
            if self._ready:  # whose numbers they are: the process that collects rows need load no framework
                self.config.workeroutput[ENVIRONMENT] = json.dumps(environment())  # type: ignore[attr-defined]
            return status
        if not self._used:
            return status
        rows = self._writer.rows
        if self.settings.update_baseline:
            update(self.settings.baseline, rows, self.settings.seed)
        self.report = Report.make(rows, self.settings, self.config.rootpath, measured_on=self._measured_on)
        self.report.write(self.settings.out)
        self.unused_swaps = unused(self._swapped)
        if self.unused_swaps and status == errors.EXIT_OK:
            return errors.EXIT_USAGE
        if status not in (errors.EXIT_OK, errors.EXIT_MISMATCH):
            return status
        code = self.report.exit_code(self.settings.require_side)
        # What failed, failed: no other code may say that it did not.
        return status if status and code != errors.EXIT_STALE_GOLDEN else code


def import_specs(modules: Iterable[str], root: Path | None = None) -> None:
    """Import the modules that declare specs, which may lie in the folder of the project's pyproject.toml.

    That folder is searched last, by every command alike: ``python -m`` searches the current one first.

    Raises: UsageError if one does not exist.
    """
    if root is not None and str(root) not in sys.path:
        sys.path.append(str(root))
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise UsageError(f"specs module {name!r}: {error}; is it installed or on the path?") from None
        except ParityError:
            raise
        except Exception as error:  # whatever is wrong with the module is the answer
            raise UsageError(f"specs module {name!r} raises {type(error).__name__}: {error}") from error


def _row_of_report(report: pytest.TestReport) -> Row:
    """A test that failed or was skipped without a row of its own."""
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
    else:
        reason = report.longreprtext.strip().splitlines()[-1] if report.longreprtext else "no reason"
    return Row(
        kind="test",
        id=report.nodeid.partition("::")[2],
        status="not run" if report.skipped else "fail",
        reasons=(reason,),
        repeat=f"pytest {shlex.quote(report.nodeid)}",
    )


class Recorder:
    """The `parity` fixture: judges nodes, records rows, and fails the test with what there is to say.

    A test that uses it and records nothing has compared nothing, and fails.
    """

    def __init__(self, session: Session, item: pytest.Item) -> None:
        self.session = session
        self.settings = session.settings
        self._item = item
        self._recorded = 0
        item.user_properties.append((USED, "1"))
        session.prepare()
        for row in session.first_probe():
            self._put(row)

    def record(self, row: Row) -> None:
        """Put a row on record."""
        self._recorded += 1
        self._put(row)

    def _put(self, row: Row) -> None:
        if row.side in PORT_SIDES and not row.environment:
            row = replace(row, environment=self.session.environment(row.side, row.device))
        self._item.user_properties.append((PROPERTY, row.to_json()))

    def swaps(self) -> None:
        """Put the swaps that met something so far on record."""
        self._item.user_properties += [(SWAPPED, text) for text in applied()]

    def finish(self) -> None:
        """Fail a test that ended well and recorded nothing."""
        if not self._recorded:
            pytest.fail("this test compared nothing: it recorded no row", pytrace=False)

    @property
    def repeat(self) -> str:
        """The command that repeats this test."""
        return self.session.repeat(self._item)

    def seeds(self, family: str = "word") -> int:
        """How many inputs a case gets; of a layer, whose results have many elements, fewer do."""
        if self.settings.seeds is not None:
            return self.settings.seeds
        seeds = SEEDS[self.settings.profile]
        return seeds if family == "word" or self.settings.profile == "deep" else min(seeds, SEEDS["quick"])

    def judge(self, node: Node) -> None:
        """Judge a node's named case and record the result."""
        case, target = node.case(), node.target
        kind = "gradient" if node.vjp and node.spec.family == "word" else node.spec.family
        with self.on_kernels(kind, node.id, node, case):
            judgement = judge(case, target.side, target.device, seeds=self.seeds(node.spec.family))
        self.conclude(kind, node.id, judgement, node.dtype)

    @contextmanager
    def on_kernels(self, kind: str, id: str, node: Node, case: Case) -> Iterator[None]:
        """Within the context a case that ran on no kernel is a row that says why, and the test a skip."""
        try:
            yield
        except NotOnKernelError as error:
            self.not_on_kernel(kind, id, node, {str(error): str(case)})
            pytest.skip(str(error))

    def not_on_kernel(self, kind: str, id: str, node: Node, cases: Mapping[str, str]) -> None:
        """Put on record why cases of a node ran on no kernel: reason → the first such case."""
        self.record(
            Row(
                kind=kind,
                id=id,
                status="not run",
                spec=node.spec.name,
                side=node.target.side,
                device=node.target.device,
                dtype=node.dtype.name,
                case=next(iter(cases.values())),
                reasons=tuple(cases),
                repeat=self.repeat,
            )
        )

    def conclude(self, kind: str, id: str, judgement: Judgement, dtype: WorkingDtype, hint: str = "") -> None:
        """Record a judgement and fail the test if it is not a pass."""
        row = judgement.row(kind, id, self.repeat)
        row = replace(row, environment=self.session.environment(row.side, row.device))
        if judgement.status == "fail" and self.settings.bisect and kind in ("layer", "model"):
            found = self._bisect(judgement)
            row = replace(row, notes=(*row.notes, *(line.strip() for line in found)))
            hint = "\n".join([hint, *(f"  {line}" for line in found)])
        worse = self.session.worse(row) if row.status == "pass" and kind in LEDGER_KINDS else None
        if worse is not None:
            row = replace(row, status="fail", reasons=(worse,))
        self.record(row)
        if worse is not None:
            pytest.fail(f"{id}: {worse}\n  repeat: {self.repeat}", pytrace=False)
        if judgement.status != "pass":
            message = explain(
                f"{id}: {judgement.status} on {judgement.side}/{judgement.device}",
                judgement.verdicts,
                dtype,
                case=str(judgement.case),
                repeat=self.repeat,
            )
            pytest.fail(message + hint, pytrace=False)

    def _bisect(self, judgement: Judgement) -> list[str]:
        """What makes a layer or model fail, in lines."""
        from .drift.investigate import investigate  # the search is wanted only when something fails

        label = judgement.side if judgement.device == "cpu" else f"{judgement.side}.{judgement.device}"
        target = Target(judgement.side, judgement.device, label)
        finding = investigate(
            judgement.case,
            target,
            self.settings,
            inputs=self.seeds(judgement.case.spec.family),
            repeat=self.repeat,
            node=self._item.nodeid,
        )
        return finding.lines()


KEY = pytest.StashKey[Session]()
RECORDER = pytest.StashKey[Recorder]()
