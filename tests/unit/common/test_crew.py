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


GAUGES = "# HELP g What\n# TYPE g gauge\ng 2.0\n# HELP h\n# TYPE h histogram\n" + 'h_bucket{le="1.0"} 1.0\nh_sum 0.5\n'


def test_gauges_and_histograms_too() -> None:
    assert merge([GAUGES, GAUGES]).splitlines() == [
        "# HELP g What",
        "# TYPE g gauge",
        'g{worker="0"} 2.0',
        'g{worker="1"} 2.0',
        "# HELP h",
        "# TYPE h histogram",
        'h_bucket{worker="0",le="1.0"} 1.0',
        'h_sum{worker="0"} 0.5',
        'h_bucket{worker="1",le="1.0"} 1.0',
        'h_sum{worker="1"} 0.5',
    ]
