"""A live view of a run of a simulation."""

from __future__ import annotations

from fake_bluejay.bluejay.runs import run_status
from fake_bluejay.core.runs import Run, Tally, tally
from fake_bluejay.facade.resources import SimulationView
from fake_bluejay.facade.results import TestResult, View


class RunView(View[int]):
    """A live view of a run of a simulation. Every member raises `KeyError` after the run's removal."""

    @property
    def _held(self) -> Run:
        self._world.settle()
        try:
            return self._world.runs[self._id]
        except KeyError:
            raise KeyError(f"there is no run {self._id}; there are: {sorted(self._world.runs)}") from None

    @property
    def status(self) -> str:
        """The status, in the words of the answers."""
        return str(run_status(self.tally, self._world.readings.run_status))

    @property
    def simulation(self) -> SimulationView:
        """The simulation that is run."""
        return SimulationView(self._world, "simulations", self._held.simulation_id)

    @property
    def test_results(self) -> list[TestResult]:
        """The test results, in the order of the digital humans."""
        return [TestResult(self._world, id) for id in self._held.result_ids]

    @property
    def tally(self) -> Tally:
        """The counts of its test results: `.total`, `.passed`, `.failed`, `.completed`, `.is_over`, and more."""
        return tally(self._world.results[id] for id in self._held.result_ids)

    def __repr__(self) -> str:
        return f"<Run {self._id} {self.status}>"
