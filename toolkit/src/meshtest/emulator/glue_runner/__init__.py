"""Run Glue jobs on this machine as AWS Glue 5.1 runs them: the real script, on real PySpark.

`GlueRunner` knows S3 and CloudWatch Logs by the emulator's endpoint only, and nothing of moto; its
`acting_as` says whose credentials a run has.
"""

from meshtest.emulator.glue_runner.job_run import Job, JobRun
from meshtest.emulator.glue_runner.runner import GlueRunner

__all__ = ["GlueRunner", "Job", "JobRun"]
