"""An Airflow and a lookup service of one's own, for `make demo`.

`processes` (children that end with their parent), `airflow`, `home` (one shop at a time), `checks`
(what is asked of the answers), `command` (`nitamono demo`).
"""
