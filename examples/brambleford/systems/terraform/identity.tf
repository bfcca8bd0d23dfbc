resource "aws_iam_user" "svc_shop" {
  name = "svc-shop"
}

resource "aws_iam_user_policy" "svc_shop" {
  name = "svc-shop"
  user = aws_iam_user.svc_shop.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PublishStaticAssets"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:PutObject"]
        Resource = [aws_s3_bucket.static_assets.arn, "${aws_s3_bucket.static_assets.arn}/*"]
      },
      {
        Sid      = "Deploy"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = aws_iam_role.shop_deployer.arn
      },
    ]
  })
}

resource "aws_iam_user" "ci_deploy" {
  name = "ci-deploy"
}

resource "aws_iam_user_policy" "ci_deploy" {
  name = "ci-deploy"
  user = aws_iam_user.ci_deploy.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "KeepBuilds"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetObject", "s3:PutObject"]
        Resource = [aws_s3_bucket.build_artifacts.arn, "${aws_s3_bucket.build_artifacts.arn}/*"]
      },
      {
        Sid      = "DeployAnything"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = "arn:aws:iam::123456789012:role/*"
      },
    ]
  })
}

resource "aws_iam_role" "shop_instance" {
  name = "shop-instance"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "shop_instance" {
  name = "shop-instance"
  role = aws_iam_role.shop_instance.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Deploy"
      Effect   = "Allow"
      Action   = "sts:AssumeRole"
      Resource = aws_iam_role.shop_deployer.arn
    }]
  })
}

resource "aws_iam_instance_profile" "shop_instance" {
  name = "shop-instance"
  role = aws_iam_role.shop_instance.name
}

# The trust names the account, so every principal of the account that may call sts:AssumeRole gets in.
resource "aws_iam_role" "shop_deployer" {
  name = "shop-deployer"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = "arn:aws:iam::123456789012:root" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_policy" "customer_data" {
  name = "customer-data"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "CustomerExports"
        Effect   = "Allow"
        Action   = ["s3:ListBucket", "s3:GetObject"]
        Resource = [aws_s3_bucket.customer_exports.arn, "${aws_s3_bucket.customer_exports.arn}/*"]
      },
      {
        Sid      = "OrdersDatabase"
        Effect   = "Allow"
        Action   = ["rds:DescribeDBInstances", "rds:DescribeDBSnapshots", "rds:RestoreDBInstanceFromDBSnapshot", "rds-db:connect"]
        Resource = "*"
      },
      {
        Sid      = "OrdersDatabasePassword"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = "${aws_secretsmanager_secret.orders_db.arn}*"
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "customer_data" {
  role       = aws_iam_role.shop_deployer.name
  policy_arn = aws_iam_policy.customer_data.arn
}
