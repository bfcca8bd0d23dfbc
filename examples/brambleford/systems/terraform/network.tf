terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.0" }
  }
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_vpc" "production" {
  cidr_block = "10.40.0.0/16"
  tags       = { Name = "production" }
}

resource "aws_internet_gateway" "production" {
  vpc_id = aws_vpc.production.id
}

resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.production.id
  cidr_block              = "10.40.1.0/24"
  map_public_ip_on_launch = true
  tags                    = { Name = "public" }
}

resource "aws_subnet" "data" {
  for_each          = { a = "10.40.11.0/24", b = "10.40.12.0/24" }
  vpc_id            = aws_vpc.production.id
  cidr_block        = each.value
  availability_zone = "eu-west-1${each.key}"
  tags              = { Name = "data-${each.key}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.production.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.production.id
  }
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_vpc" "laboratory" {
  cidr_block = "10.99.0.0/16"
  tags       = { Name = "laboratory" }
}

resource "aws_subnet" "laboratory" {
  vpc_id     = aws_vpc.laboratory.id
  cidr_block = "10.99.0.0/24"
  tags       = { Name = "laboratory" }
}

resource "aws_security_group" "edge" {
  name   = "edge"
  vpc_id = aws_vpc.production.id
  dynamic "ingress" {
    for_each = [80, 443]
    content {
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "orders_db" {
  name        = "orders-db"
  description = "PostgreSQL from the edge hosts only"
  vpc_id      = aws_vpc.production.id
  ingress {
    from_port       = 5432
    to_port         = 5432
    protocol        = "tcp"
    security_groups = [aws_security_group.edge.id]
  }
}

resource "aws_security_group" "laboratory" {
  name        = "laboratory"
  description = "Within the laboratory only"
  vpc_id      = aws_vpc.laboratory.id
  ingress {
    from_port   = 22
    to_port     = 8080
    protocol    = "tcp"
    cidr_blocks = ["10.99.0.0/16"]
  }
}
