"""The counters of several processes on one page."""

from libs.common.crew import merge

ONE = '# HELP a_total What\n# TYPE a_total counter\na_total{status="202"} 3\n# HELP b_total\n# TYPE b_total counter\n'


def test_each_process_keeps_its_own_counters() -> None:
    lines = merge([ONE, ONE.replace("3", "4"), ""]).splitlines()
    assert lines == [
        "# HELP a_total What",
        "# TYPE a_total counter",
        'a_total{worker="0",status="202"} 3',
        'a_total{worker="1",status="202"} 4',
        "# HELP b_total",
        "# TYPE b_total counter",
    ]
