"""Mutation: change the Terraform code, one small fault at a time, and see whether the suite notices.

``make mutate`` writes ``build/mutation/report.json``::

    {
      "mutants": [
        {
          "id": "modules/s3_bucket/main.tf::aws_s3_bucket.this/force_destroy::drop-argument::1",
          "file": "infrastructure/modules/s3_bucket/main.tf",
          "module": "s3_bucket",           // or foundation, environments, bootstrap, projects
          "operator": "drop-argument",
          "line": 26,
          "diff": "--- a/infrastructure/…",
          "status": "killed",              // or survived, equivalent, refused (by Terraform)
          "killed_by": ["tests/infra/…::test_…"],  // the first that failed; Terraform's words if it refused
          "controls": ["s3-no-force-destroy"],     // those that notice it on the plan of a whole stack
          "stated": true                   // whether the gate can be asked: see gate_score
        }
      ],
      "score": 0.97,         // killed or refused, of all that are not equivalent
      "strict_score": 0.96,  // killed, of all that are neither equivalent nor refused
      "gate_score": 0.93,    // noticed by a control, of those that change what a control reads
      "spark": {…}           // of `make mutate-spark`: see meshtest.reports.mutation.spark
    }
"""
