#!/usr/bin/env bash
# Takes the inventory of the rig's AWS account with the AWS CLI, as the user inventory-reader, into aws/.
# Runs in the namespace of the cloud API.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

export AWS_ENDPOINT_URL=$AWS_ENDPOINT AWS_DEFAULT_REGION=$AWS_REGION AWS_PAGER="" AWS_DEFAULT_OUTPUT=json
AWS_ACCESS_KEY_ID=$(jq -r .id "$STAGE/keys/inventory-reader.json")
AWS_SECRET_ACCESS_KEY=$(jq -r .secret "$STAGE/keys/inventory-reader.json")
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
aws() { "$TOOLS/venv-aws/bin/aws" "$@"; }
keep() { local file=$1; shift; aws "$@" >"$AWS/$file"; }

# What does not exist (a bucket without a policy, say) leaves no file, as it leaves none with the real service.
keep_if_there() {
  local file=$1; shift
  aws "$@" >"$AWS/$file" 2>/dev/null || rm -f "$AWS/$file"
}

rm -rf "$AWS" && mkdir -p "$AWS"
keep sts-get-caller-identity.json sts get-caller-identity
keep iam-get-account-authorization-details.json iam get-account-authorization-details --filter User Role Group LocalManagedPolicy
keep iam-list-users.json iam list-users
keep iam-list-instance-profiles.json iam list-instance-profiles
for user in $(jq -r '.Users[].UserName' "$AWS/iam-list-users.json"); do
  keep "iam-list-access-keys-$user.json" iam list-access-keys --user-name "$user"
done
aws iam generate-credential-report >/dev/null
keep iam-get-credential-report.json iam get-credential-report
jq -r .Content "$AWS/iam-get-credential-report.json" | base64 -d >"$AWS/iam-credential-report.csv"
for what in vpcs subnets route-tables internet-gateways network-acls security-groups instances; do
  keep "ec2-describe-$what.json" ec2 "describe-$what"
done
keep s3api-list-buckets.json s3api list-buckets
for bucket in $(jq -r '.Buckets[].Name' "$AWS/s3api-list-buckets.json"); do
  keep_if_there "s3api-get-bucket-policy-$bucket.json" s3api get-bucket-policy --bucket "$bucket"
  keep_if_there "s3api-get-public-access-block-$bucket.json" s3api get-public-access-block --bucket "$bucket"
  keep "s3api-get-bucket-acl-$bucket.json" s3api get-bucket-acl --bucket "$bucket"
done
keep rds-describe-db-instances.json rds describe-db-instances
keep rds-describe-db-snapshots.json rds describe-db-snapshots
keep secretsmanager-list-secrets.json secretsmanager list-secrets
