resource "aws_s3_bucket" "static_assets" {
  bucket = "brambleford-static-assets"
}

resource "aws_s3_bucket_policy" "static_assets" {
  bucket = aws_s3_bucket.static_assets.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EveryoneReadsStaticAssets"
      Effect    = "Allow"
      Principal = "*"
      Action    = "s3:GetObject"
      Resource  = "${aws_s3_bucket.static_assets.arn}/*"
    }]
  })
}

resource "aws_s3_bucket" "customer_exports" {
  bucket = "brambleford-customer-exports"
  tags   = { data = "customer" }
}

resource "aws_s3_bucket_public_access_block" "customer_exports" {
  bucket                  = aws_s3_bucket.customer_exports.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket" "build_artifacts" {
  bucket = "brambleford-build-artifacts"
}

resource "aws_secretsmanager_secret" "orders_db" {
  name = "production/orders-db"
}
