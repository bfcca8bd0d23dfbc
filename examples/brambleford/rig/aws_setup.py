#!/usr/bin/env python3
"""Fills the cloud API of the rig (a moto server) with the AWS account of Brambleford Freight.

The server is seeded first, so access keys and resource ids are the same at every run. The keys are issued by moto:
they open nothing anywhere else. The keys that the story needs are written to the folder named in the first argument,
which the rig deletes at its end.
"""

import json
import pathlib
import sys
import urllib.request

import boto3

ENDPOINT, REGION, ACCOUNT = "http://127.0.0.1:5000", "eu-west-1", "123456789012"


def client(service):
    return boto3.client(
        service, endpoint_url=ENDPOINT, region_name=REGION, aws_access_key_id="setup", aws_secret_access_key="setup"
    )


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(sid, actions, resources):
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def tags(**values):
    return [{"Key": key, "Value": value} for key, value in values.items()]


def bucket_and_objects(name):
    return [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]


def network(ec2):
    production = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    laboratory = ec2.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[production], Tags=tags(Name="production"))
    ec2.create_tags(Resources=[laboratory], Tags=tags(Name="laboratory"))

    subnets = {}
    for name, vpc, block, zone in [
        ("public", production, "10.40.1.0/24", "a"),
        ("data-a", production, "10.40.11.0/24", "a"),
        ("data-b", production, "10.40.12.0/24", "b"),
        ("laboratory", laboratory, "10.99.0.0/24", "a"),
    ]:
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
        ec2.create_tags(Resources=[subnet], Tags=tags(Name=name))
        subnets[name] = subnet
    ec2.modify_subnet_attribute(SubnetId=subnets["public"], MapPublicIpOnLaunch={"Value": True})

    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=production)
    table = ec2.create_route_table(VpcId=production)["RouteTable"]["RouteTableId"]
    ec2.create_tags(Resources=[table], Tags=tags(Name="public"))
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnets["public"])

    def group(name, description, vpc):
        return ec2.create_security_group(GroupName=name, Description=description, VpcId=vpc)["GroupId"]

    def port(first, last=None, **source):
        return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last or first, **source}

    anyone = {"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "the internet"}]}
    groups = {
        "edge": group("edge", "HTTP and HTTPS from everywhere", production),
        "orders-db": group("orders-db", "PostgreSQL from the edge hosts only", production),
        "laboratory": group("laboratory", "Within the laboratory only", laboratory),
    }
    ec2.authorize_security_group_ingress(GroupId=groups["edge"], IpPermissions=[port(80, **anyone), port(443, **anyone)])
    ec2.authorize_security_group_ingress(
        GroupId=groups["orders-db"], IpPermissions=[port(5432, UserIdGroupPairs=[{"GroupId": groups["edge"]}])]
    )
    inside = {"IpRanges": [{"CidrIp": "10.99.0.0/16", "Description": "the laboratory itself"}]}
    ec2.authorize_security_group_ingress(GroupId=groups["laboratory"], IpPermissions=[port(22, 8080, **inside)])
    return subnets, groups


def storage(s3):
    for name in ("brambleford-static-assets", "brambleford-customer-exports", "brambleford-build-artifacts"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    reading = {**allow("EveryoneReadsStaticAssets", "s3:GetObject", "arn:aws:s3:::brambleford-static-assets/*"), "Principal": "*"}
    s3.put_bucket_policy(Bucket="brambleford-static-assets", Policy=policy(reading))
    s3.put_bucket_tagging(Bucket="brambleford-customer-exports", Tagging={"TagSet": tags(data="customer", owner="platform")})
    for name in ("brambleford-customer-exports", "brambleford-build-artifacts"):
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
    s3.put_object(Bucket="brambleford-customer-exports", Key="2026-11/customers.csv", Body=b"reference,customer\n")


def data(rds, secrets, subnets, groups):
    rds.create_db_subnet_group(
        DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=[subnets["data-a"], subnets["data-b"]]
    )
    rds.create_db_instance(
        DBInstanceIdentifier="orders-db",
        Engine="postgres",
        EngineVersion="15.4",
        DBInstanceClass="db.t3.medium",
        AllocatedStorage=50,
        MasterUsername="orders",
        MasterUserPassword="not-a-real-password",
        DBSubnetGroupName="data",
        VpcSecurityGroupIds=[groups["orders-db"]],
        PubliclyAccessible=False,
        StorageEncrypted=True,
        EnableIAMDatabaseAuthentication=True,
        Tags=tags(data="customer", owner="platform"),
    )
    rds.create_db_snapshot(DBInstanceIdentifier="orders-db", DBSnapshotIdentifier="orders-db-nightly")
    secret = secrets.create_secret(
        Name="production/orders-db", SecretString=json.dumps({"username": "orders", "password": "not-a-real-password"})
    )
    return secret["ARN"]


def identities(iam, secret):
    def user(name, *statements):
        iam.create_user(UserName=name, Tags=tags(owner="platform"))
        if statements:
            iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy(*statements))

    deployer = f"arn:aws:iam::{ACCOUNT}:role/shop-deployer"
    user(
        "svc-shop",
        allow("PublishStaticAssets", ["s3:ListBucket", "s3:PutObject"], bucket_and_objects("brambleford-static-assets")),
        allow("Deploy", "sts:AssumeRole", deployer),
    )
    user(
        "ci-deploy",
        allow(
            "KeepBuilds", ["s3:ListBucket", "s3:GetObject", "s3:PutObject"], bucket_and_objects("brambleford-build-artifacts")
        ),
        allow("DeployAnything", "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/*"),
    )
    user("nora.finch")
    user("inventory-reader")
    iam.create_group(GroupName="administrators")
    iam.attach_group_policy(GroupName="administrators", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.add_user_to_group(GroupName="administrators", UserName="nora.finch")
    iam.create_login_profile(UserName="nora.finch", Password="Not-A-Real-Passw0rd")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="nora.finch")["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(UserName="nora.finch", SerialNumber=device, AuthenticationCode1="123456", AuthenticationCode2="654321")
    iam.attach_user_policy(UserName="inventory-reader", PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")

    def role(name, principal, description):
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust), Description=description)

    role("shop-instance", {"Service": "ec2.amazonaws.com"}, "What the web shop's machines run as")
    iam.put_role_policy(
        RoleName="shop-instance",
        PolicyName="shop-instance",
        PolicyDocument=policy(allow("Deploy", "sts:AssumeRole", deployer)),
    )
    iam.create_instance_profile(InstanceProfileName="shop-instance")
    iam.add_role_to_instance_profile(InstanceProfileName="shop-instance", RoleName="shop-instance")

    # The choke point: the trust names the whole account, so whoever may call sts:AssumeRole gets in.
    role("shop-deployer", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Deploys the web shop and reads what it needs")
    arn = iam.create_policy(
        PolicyName="customer-data",
        PolicyDocument=policy(
            allow("CustomerExports", ["s3:ListBucket", "s3:GetObject"], bucket_and_objects("brambleford-customer-exports")),
            allow(
                "OrdersDatabase",
                [
                    "rds:DescribeDBInstances",
                    "rds:DescribeDBSnapshots",
                    "rds:RestoreDBInstanceFromDBSnapshot",
                    "rds-db:connect",
                ],
                "*",
            ),
            allow("OrdersDatabasePassword", "secretsmanager:GetSecretValue", secret),
        ),
    )["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="shop-deployer", PolicyArn=arn)
    return {name: iam.create_access_key(UserName=name)["AccessKey"] for name in ("svc-shop", "ci-deploy", "inventory-reader")}


def machines(ec2, subnets, groups):
    def machine(name, host, subnet, group, address, **more):
        instance = ec2.run_instances(
            ImageId="ami-0f00ba44e5a1c0de1",
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.small",
            SubnetId=subnets[subnet],
            SecurityGroupIds=[groups[group]],
            PrivateIpAddress=address,
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags(Name=name, fqdn=host, owner="platform")}],
            **more,
        )
        return instance["Instances"][0]["InstanceId"]

    web = {
        "IamInstanceProfile": {"Name": "shop-instance"},
        "MetadataOptions": {"HttpTokens": "optional", "HttpEndpoint": "enabled"},
    }
    for name, private, public in [("shop", "10.40.1.10", "198.51.100.10"), ("portal", "10.40.1.11", "198.51.100.11")]:
        instance = machine(f"{name}-web", f"{name}.brambleford.example", "public", "edge", private, **web)
        allocation = ec2.allocate_address(Domain="vpc", Address=public)["AllocationId"]
        ec2.associate_address(InstanceId=instance, AllocationId=allocation)
    machine(
        "lab-archive",
        "lab-archive.internal.brambleford.example",
        "laboratory",
        "laboratory",
        "10.99.0.10",
        MetadataOptions={"HttpTokens": "required", "HttpEndpoint": "enabled"},
    )


def main(folder):
    # Without the seed every run would hand out other keys, and with them another history of the repositories.
    urllib.request.urlopen(urllib.request.Request(f"{ENDPOINT}/moto-api/seed?a=1876", method="POST"))
    ec2 = client("ec2")
    secret_and_network = network(ec2)
    storage(client("s3"))
    secret = data(client("rds"), client("secretsmanager"), *secret_and_network)
    keys = identities(client("iam"), secret)
    machines(ec2, *secret_and_network)
    for name, key in keys.items():
        values = {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}
        (pathlib.Path(folder) / f"{name}.json").write_text(json.dumps(values))


if __name__ == "__main__":
    main(sys.argv[1])
