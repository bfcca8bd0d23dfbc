#!/usr/bin/env bash
# prowler against the cloud API of the rig. A few services and checks only, to keep the report small.
set -euo pipefail
source "$(dirname "$0")/settings.sh"

export AWS_ENDPOINT_URL=$AWS_ENDPOINT AWS_DEFAULT_REGION=$AWS_REGION HOME=$STAGE/home
AWS_ACCESS_KEY_ID=$(jq -r .id "$STAGE/keys/inventory-reader.json")
AWS_SECRET_ACCESS_KEY=$(jq -r .secret "$STAGE/keys/inventory-reader.json")
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
mkdir -p "$HOME"
CHECKS=(
  iam_root_mfa_enabled iam_user_mfa_enabled_console_access iam_rotate_access_key_90_days iam_user_accesskey_unused
  iam_policy_attached_only_to_group_or_roles iam_role_cross_service_confused_deputy_prevention
  iam_administrator_access_with_mfa iam_password_policy_minimum_length_14
  s3_bucket_public_access s3_bucket_policy_public_write_access s3_bucket_secure_transport_policy s3_bucket_default_encryption
  s3_bucket_object_versioning s3_bucket_level_public_access_block s3_bucket_server_access_logging_enabled
  ec2_instance_imdsv2_enabled ec2_instance_public_ip ec2_instance_profile_attached ec2_securitygroup_allow_ingress_from_internet_to_any_port
  rds_instance_storage_encrypted rds_instance_no_public_access rds_instance_deletion_protection rds_instance_multi_az
)
rm -rf "$STAGE/prowler"
"$TOOLS/venv-cloud/bin/prowler" aws -f "$AWS_REGION" --checks "${CHECKS[@]}" -M json-ocsf -F prowler-aws -o "$STAGE/prowler" \
  --no-banner --ignore-exit-code-3 >"$STAGE/run/prowler.log" 2>&1
mv "$STAGE/prowler/prowler-aws.ocsf.json" "$REPORTS/prowler-aws.ocsf.json"
