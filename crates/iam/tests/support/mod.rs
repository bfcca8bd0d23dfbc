//! Small estates for tests, written as authorization details.

#![allow(dead_code, reason = "each test file uses a part")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use bartizan_iam::{Admin, Estate, Privilege, privileges};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn user_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

pub(crate) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

pub(crate) fn group_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:group/{name}")
}

pub(crate) fn policy_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

pub(crate) fn document(statements: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

pub(crate) fn allow(actions: Value, resources: Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

pub(crate) fn allow_if(actions: Value, resources: Value, condition: Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources, "Condition": condition})
}

pub(crate) fn deny(actions: Value, resources: Value) -> Value {
    json!({"Effect": "Deny", "Action": actions, "Resource": resources})
}

pub(crate) fn everything() -> Value {
    allow(json!("*"), json!("*"))
}

/// Authorization details in the making.
#[derive(Clone)]
pub(crate) struct Details(pub(crate) Value);

impl Details {
    pub(crate) fn new() -> Self {
        Self(json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}))
    }

    fn push(mut self, list: &str, record: Value) -> Self {
        self.0[list].as_array_mut().unwrap().push(record);
        self
    }

    fn last(&mut self, list: &str) -> &mut Value {
        self.0[list].as_array_mut().unwrap().last_mut().unwrap()
    }

    pub(crate) fn user(self, name: &str, statements: Value) -> Self {
        self.push(
            "UserDetailList",
            json!({
                "Path": "/", "UserName": name, "UserId": format!("AIDA{}", name.to_uppercase()),
                "Arn": user_arn(name), "GroupList": [], "AttachedManagedPolicies": [], "Tags": [],
                "UserPolicyList": [{"PolicyName": format!("inline-{name}"), "PolicyDocument": document(statements)}],
            }),
        )
    }

    pub(crate) fn role(self, name: &str, trusted: Value, statements: Value) -> Self {
        self.role_with_trust(
            name,
            json!([{"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}]),
            statements,
        )
    }

    pub(crate) fn role_with_trust(self, name: &str, trust: Value, statements: Value) -> Self {
        self.push(
            "RoleDetailList",
            json!({
                "Path": "/", "RoleName": name, "RoleId": format!("AROA{}", name.to_uppercase()),
                "Arn": role_arn(name), "InstanceProfileList": [], "AttachedManagedPolicies": [], "Tags": [],
                "AssumeRolePolicyDocument": document(trust), "RoleLastUsed": {},
                "RolePolicyList": [{"PolicyName": format!("inline-{name}"), "PolicyDocument": document(statements)}],
            }),
        )
    }

    /// An administrator role that a service may assume.
    pub(crate) fn service_admin(self, service: &str) -> Self {
        self.role("admin", json!({"Service": service}), everything())
    }

    pub(crate) fn group(self, name: &str, statements: Value) -> Self {
        self.push(
            "GroupDetailList",
            json!({
                "Path": "/", "GroupName": name, "Arn": group_arn(name), "AttachedManagedPolicies": [],
                "GroupPolicyList": [{"PolicyName": format!("inline-{name}"), "PolicyDocument": document(statements)}],
            }),
        )
    }

    /// A managed policy; the first version is the default.
    pub(crate) fn policy(self, name: &str, versions: &[Value]) -> Self {
        let list: Vec<Value> = versions
            .iter()
            .enumerate()
            .map(|(at, statements)| {
                json!({
                    "VersionId": format!("v{}", versions.len() - at), "IsDefaultVersion": at == 0,
                    "Document": document(statements.clone()),
                })
            })
            .collect();
        self.push(
            "Policies",
            json!({
                "PolicyName": name, "Arn": policy_arn(name), "Tags": [],
                "DefaultVersionId": format!("v{}", versions.len()), "PolicyVersionList": list,
            }),
        )
    }

    /// Sets a field of the last user.
    pub(crate) fn user_with(mut self, field: &str, value: Value) -> Self {
        self.last("UserDetailList")[field] = value;
        self
    }

    /// Sets a field of the last role.
    pub(crate) fn role_with(mut self, field: &str, value: Value) -> Self {
        self.last("RoleDetailList")[field] = value;
        self
    }

    pub(crate) fn user_in(self, group: &str) -> Self {
        self.user_with("GroupList", json!([group]))
    }

    pub(crate) fn user_has(self, policy: &str) -> Self {
        self.user_with("AttachedManagedPolicies", json!([{"PolicyArn": policy, "PolicyName": "x"}]))
    }

    pub(crate) fn role_has(self, policy: &str) -> Self {
        self.role_with("AttachedManagedPolicies", json!([{"PolicyArn": policy, "PolicyName": "x"}]))
    }

    pub(crate) fn user_bound(self, policy: &str) -> Self {
        self.user_with("PermissionsBoundary", boundary(policy))
    }

    pub(crate) fn role_bound(self, policy: &str) -> Self {
        self.role_with("PermissionsBoundary", boundary(policy))
    }

    pub(crate) fn with_profile(self) -> Self {
        let profile = json!([{"Arn": format!("arn:aws:iam::{ACCOUNT}:instance-profile/p")}]);
        self.role_with("InstanceProfileList", profile)
    }

    pub(crate) fn estate(&self) -> Estate {
        let (estate, problems) = Estate::from_authorization_details([&self.0]).unwrap();
        assert_eq!(problems, []);
        estate
    }

    pub(crate) fn answers(&self) -> Vec<Privilege> {
        privileges(&self.estate())
    }

    pub(crate) fn answer(&self, principal: &str) -> Privilege {
        answer(&self.estate(), principal)
    }

    pub(crate) fn admin(&self, principal: &str) -> Admin {
        self.answer(principal).admin
    }
}

fn boundary(policy: &str) -> Value {
    json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy})
}

pub(crate) fn answer(estate: &Estate, principal: &str) -> Privilege {
    privileges(estate).into_iter().find(|answer| answer.principal == principal).unwrap()
}
