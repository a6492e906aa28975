# ─── Glue Job ───
# One PySpark script as a Glue job: in the VPC, encrypted by the security configuration, with metrics and
# continuous logs. It reaches Iceberg tables as glue_catalog.{database}.{table}.

data "aws_region" "current" {}

locals {
  # Glue takes several Spark settings only as one value of one --conf argument.
  # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-iceberg.html
  spark_conf = join(" --conf ", [
    "spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.glue_catalog=org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.glue_catalog.warehouse=${var.warehouse}",
    "spark.sql.catalog.glue_catalog.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog",
    "spark.sql.catalog.glue_catalog.io-impl=org.apache.iceberg.aws.s3.S3FileIO",
    # Without it Glue 5.1's S3A asks in us-east-2, and hangs in a VPC without a way there.
    # https://docs.aws.amazon.com/glue/latest/dg/migrating-version-51.html
    "spark.hadoop.fs.s3a.endpoint.region=${data.aws_region.current.name}",
  ])

  default_arguments = merge(
    {
      "--TempDir"                          = var.temp_dir
      "--conf"                             = local.spark_conf
      "--datalake-formats"                 = "iceberg"
      "--enable-continuous-cloudwatch-log" = "true"
      "--enable-job-insights"              = "true"
      "--enable-metrics"                   = "true"
      "--enable-observability-metrics"     = "true"
      "--job-bookmark-option"              = var.job_bookmark_option
      "--job-language"                     = "python"
    },
    # From the archive alone: the domain has no way to an index, and a wheel's dependencies are Glue's own.
    # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html
    length(var.additional_python_modules) > 0 ? {
      "--additional-python-modules"       = join(",", var.additional_python_modules)
      "--python-modules-installer-option" = "--no-index --no-deps"
    } : {},
    length(var.extra_py_files) > 0 ? { "--extra-py-files" = join(",", var.extra_py_files) } : {},
    var.arguments,
  )
}

resource "aws_glue_job" "this" {
  name                   = var.name
  description            = var.description
  role_arn               = var.role_arn
  connections            = var.connections
  default_arguments      = local.default_arguments
  execution_class        = var.execution_class
  glue_version           = var.glue_version
  max_retries            = var.max_retries
  number_of_workers      = var.number_of_workers
  security_configuration = var.security_configuration
  timeout                = var.timeout_minutes
  worker_type            = var.worker_type
  tags                   = var.tags

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = var.script_location
  }

  execution_property {
    max_concurrent_runs = var.max_concurrent_runs
  }
}
