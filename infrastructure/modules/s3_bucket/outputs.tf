output "bucket_arn" {
  description = "ARN of the bucket."
  value       = "arn:${data.aws_partition.current.partition}:s3:::${aws_s3_bucket.this.bucket}"
}

output "bucket_id" {
  description = "Name of the bucket; known at plan time."
  value       = aws_s3_bucket.this.bucket
}
