output "bucket_arn" {
  description = "ARN of the bucket."
  value       = "arn:${data.aws_partition.current.partition}:s3:::${aws_s3_bucket.this.bucket}"
}

output "bucket_id" {
  description = "Name of the bucket; known at plan time."
  value       = aws_s3_bucket.this.bucket

  # Who writes into the bucket may count on its policy: S3 refuses a log target that does not let it in.
  depends_on = [aws_s3_bucket_policy.this]
}
