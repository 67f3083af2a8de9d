"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# The same examples in every run, no matter how fast: a test fails for physics, not for a busy machine.
settings.register_profile(
    "reproducible",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("reproducible")
