"""Plants as physics, devices as protocol, sensor faults, and scenarios with the truth they are judged by."""
