"""An Airflow and a lookup service of one's own, for `make demo`: `airflow`, `service`, `checks`, `command`."""
