resource "aws_instance" "web" {
  for_each               = { shop = "10.40.1.10", portal = "10.40.1.11" }
  ami                    = "ami-0f00ba44e5a1c0de1"
  instance_type          = "t3.small"
  subnet_id              = aws_subnet.public.id
  private_ip             = each.value
  vpc_security_group_ids = [aws_security_group.edge.id]
  iam_instance_profile   = aws_iam_instance_profile.shop_instance.name
  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "optional"
  }
  tags = { Name = "${each.key}-web", fqdn = "${each.key}.brambleford.example", service = "webshop" }
}

resource "aws_instance" "lab_archive" {
  ami                    = "ami-0f00ba44e5a1c0de1"
  instance_type          = "t3.small"
  subnet_id              = aws_subnet.laboratory.id
  private_ip             = "10.99.0.10"
  vpc_security_group_ids = [aws_security_group.laboratory.id]
  tags                   = { Name = "lab-archive", fqdn = "lab-archive.internal.brambleford.example" }
}

resource "aws_db_subnet_group" "data" {
  name       = "data"
  subnet_ids = [for subnet in aws_subnet.data : subnet.id]
}

resource "aws_db_instance" "orders" {
  identifier                  = "orders-db"
  engine                      = "postgres"
  engine_version              = "15.4"
  instance_class              = "db.t3.medium"
  allocated_storage           = 50
  username                    = "orders"
  manage_master_user_password = true
  db_subnet_group_name        = aws_db_subnet_group.data.name
  vpc_security_group_ids      = [aws_security_group.orders_db.id]
  storage_encrypted           = true
  publicly_accessible         = false
  skip_final_snapshot         = true
}
