"""Numbers from readings. A detector turns columns of readings into a number with a meaning; what is too much, an alarm
definition says, and alerting judges it. `registry` names the detectors, `contract` says what each must keep."""
