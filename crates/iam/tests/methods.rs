//! Every escalation method with a case in which it works and at least one in which a part is missing. A
//! test walks the table of methods, so a method without cases fails.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod support;

use std::collections::BTreeMap;

use bartizan_iam::{Admin, Compute, ComputeKind, Estate, METHODS};
use serde_json::{Value, json};
use support::*;

const EVE: &str = "arn:aws:iam::111122223333:user/eve";
const EC2: &str = "ec2.amazonaws.com";

/// A user who may do these things on everything.
fn eve(actions: &[&str]) -> Details {
    Details::new().user("eve", json!([allow(json!(actions), json!("*"))]))
}

/// A user with a role `low` that she can assume, so that she holds a role.
fn with_low_role(details: Details, statements: Value) -> Details {
    details.role("low", json!({"AWS": user_arn("eve")}), statements)
}

struct Cases {
    works: Vec<Estate>,
    fails: Vec<Estate>,
}

fn cases(works: &[Details], fails: &[Details]) -> Cases {
    Cases {
        works: works.iter().map(Details::estate).collect(),
        fails: fails.iter().map(Details::estate).collect(),
    }
}

/// A service that is handed a role: works with all calls, and with none left out.
fn passing(service: &str, calls: &[&str]) -> Cases {
    let ec2 = service == EC2;
    let profile = |details: Details| if ec2 { details.with_profile() } else { details };
    let all: Vec<&str> = calls.iter().copied().chain(["iam:PassRole"]).collect();
    let works = profile(eve(&all).service_admin(service));
    // The role trusts another service.
    let mut fails = vec![profile(eve(&all).service_admin("backup.amazonaws.com")), eve(&all)];
    // The role may be passed to another service only.
    let elsewhere = json!({"StringEquals": {"iam:PassedToService": "backup.amazonaws.com"}});
    fails.push(profile(
        Details::new()
            .user(
                "eve",
                json!([
                    allow(json!(calls), json!("*")),
                    allow_if(json!("iam:PassRole"), json!("*"), elsewhere)
                ]),
            )
            .service_admin(service),
    ));
    // A deny on passing that very role.
    fails.push(profile(
        Details::new()
            .user(
                "eve",
                json!([allow(json!(all), json!("*")), deny(json!("iam:PassRole"), json!(role_arn("admin")))]),
            )
            .service_admin(service),
    ));
    // One call missing.
    for missing in &all {
        let rest: Vec<&str> = all.iter().copied().filter(|call| call != missing).collect();
        fails.push(profile(eve(&rest).service_admin(service)));
    }
    cases(&[works], &fails)
}

/// With a second role that is handed to another service.
fn passing_two(second: &str, calls: &[&str]) -> Cases {
    let all: Vec<&str> = calls.iter().copied().chain(["iam:PassRole"]).collect();
    let helper = |details: Details| details.role("helper", json!({"Service": second}), json!([]));
    let works = helper(eve(&all)).service_admin(EC2).with_profile();
    let mut fails = vec![
        eve(&all).service_admin(EC2).with_profile(),
        helper(eve(&all)).service_admin(EC2),
        helper(eve(&all)).service_admin("backup.amazonaws.com"),
    ];
    for missing in &all {
        let rest: Vec<&str> = all.iter().copied().filter(|call| call != missing).collect();
        fails.push(helper(eve(&rest)).service_admin(EC2).with_profile());
    }
    cases(&[works], &fails)
}

/// Something that runs already.
fn existing(kind: ComputeKind, arn: &str, service: &str, calls: &[&str]) -> Cases {
    let running = |details: &Details, kind: ComputeKind, role: &str| {
        let mut estate = details.estate();
        estate.compute = Some(vec![Compute { arn: arn.to_owned(), kind, role: role_arn(role) }]);
        estate
    };
    let role = |details: Details| details.service_admin(service).with_profile();
    let works = vec![running(&role(eve(calls)), kind, "admin")];
    let other = if kind == ComputeKind::Task { ComputeKind::Stack } else { ComputeKind::Task };
    let mut fails =
        vec![running(&role(eve(calls)), other, "admin"), running(&role(eve(calls)), kind, "absent")];
    // Nobody listed what runs, but the role was never used.
    fails.push(role(eve(calls)).estate());
    for missing in calls {
        let rest: Vec<&str> = calls.iter().copied().filter(|call| call != missing).collect();
        fails.push(running(&role(eve(&rest)), kind, "admin"));
    }
    let elsewhere = Details::new()
        .user("eve", json!([allow(json!(calls), json!("*")), deny(json!(calls[0]), json!(arn))]));
    fails.push(running(&role(elsewhere), kind, "admin"));
    Cases { works, fails }
}

/// A held user or role that is changed: works on the own one, not on others.
fn own(action: &str, details: impl Fn(Value) -> Details, other: &str) -> Cases {
    let statement = |resource: Value| json!([allow(json!(action), resource)]);
    cases(&[details(statement(json!("*")))], &[details(statement(json!(other))), details(json!([]))])
}

fn all_cases() -> BTreeMap<&'static str, Cases> {
    let plain = |statements: Value| Details::new().user("eve", statements).user("bob", json!([]));
    let grouped = |statements: Value| plain_in_group(statements);
    let roled = |statements: Value| with_low_role(Details::new().user("eve", statements), json!([]));
    let mut all: BTreeMap<&'static str, Cases> = BTreeMap::new();

    all.insert("AttachUserPolicy", own("iam:AttachUserPolicy", plain, &user_arn("bob")));
    all.insert("PutUserPolicy", own("iam:PutUserPolicy", plain, &user_arn("bob")));
    all.insert("AttachRolePolicy", own("iam:AttachRolePolicy", roled, &role_arn("other")));
    all.insert("PutRolePolicy", own("iam:PutRolePolicy", roled, &role_arn("other")));
    all.insert("AttachGroupPolicy", own("iam:AttachGroupPolicy", grouped, &group_arn("other")));
    all.insert("PutGroupPolicy", own("iam:PutGroupPolicy", grouped, &group_arn("other")));

    let versioned = |statements: Value| {
        Details::new()
            .user("eve", statements)
            .user_has(&policy_arn("mine"))
            .policy("mine", &[json!([allow(json!("s3:*"), json!("*"))])])
            .policy("other", &[json!([])])
    };
    let mut versions = own("iam:CreatePolicyVersion", versioned, &policy_arn("other"));
    let full = |statements: Value| {
        let version = json!([allow(json!("s3:*"), json!("*"))]);
        Details::new()
            .user("eve", statements)
            .user_has(&policy_arn("mine"))
            .policy("mine", &[version.clone(), version.clone(), version.clone(), version.clone(), version])
    };
    versions.fails.push(full(json!([allow(json!("iam:CreatePolicyVersion"), json!("*"))])).estate());
    versions.works.push(
        full(json!([allow(json!(["iam:CreatePolicyVersion", "iam:DeletePolicyVersion"]), json!("*"))]))
            .estate(),
    );
    // Nobody writes a version of a policy that AWS owns.
    versions.fails.push(
        eve(&["iam:CreatePolicyVersion"]).user_has("arn:aws:iam::aws:policy/AmazonS3FullAccess").estate(),
    );
    all.insert("CreatePolicyVersion", versions);

    let older = |old: Value| {
        Details::new()
            .user("eve", json!([allow(json!("iam:SetDefaultPolicyVersion"), json!("*"))]))
            .user_has(&policy_arn("mine"))
            .policy("mine", &[json!([allow(json!("s3:*"), json!("*"))]), old])
    };
    all.insert(
        "SetDefaultPolicyVersion",
        cases(
            &[older(json!([everything()])), older(json!([allow(json!("iam:PutUserPolicy"), json!("*"))]))],
            &[older(json!([allow(json!("s3:Get*"), json!("*"))]))],
        ),
    );

    let joining = |resource: Value, rights: Value| {
        Details::new()
            .user("eve", json!([allow(json!("iam:AddUserToGroup"), resource)]))
            .group("admins", rights)
            .group("readers", json!([allow(json!("s3:Get*"), json!("*"))]))
    };
    all.insert(
        "AddUserToGroup",
        cases(
            &[
                joining(json!("*"), json!([everything()])),
                joining(json!(group_arn("admins")), json!([allow(json!("iam:PutUserPolicy"), json!("*"))])),
            ],
            &[
                joining(json!(group_arn("readers")), json!([everything()])),
                joining(json!("*"), json!([allow(json!("ec2:*"), json!("*"))])),
                joining(json!("*"), json!([everything(), deny(json!("*"), json!("*"))])),
            ],
        ),
    );

    for (method, action) in [
        ("DeleteUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary"),
        ("PutUserPermissionsBoundary", "iam:PutUserPermissionsBoundary"),
    ] {
        let bound = |left: Value| {
            Details::new()
                .user("eve", json!([everything()]))
                .user_bound(&policy_arn("limits"))
                .policy("limits", &[json!([allow(json!("s3:*"), json!("*")), left])])
        };
        let elsewhere = bound(allow(json!(action), json!(user_arn("bob"))));
        let nothing = bound(allow(json!("iam:Get*"), json!("*")));
        let keeps_it = json!({"StringNotEquals": {"iam:PermissionsBoundary": policy_arn("limits")}});
        let mut fails = vec![elsewhere, nothing];
        if action.starts_with("iam:Delete") {
            fails.push(bound(allow_if(json!(action), json!("*"), keeps_it)));
        }
        all.insert(method, cases(&[bound(allow(json!(action), json!("*")))], &fails));
    }
    for (method, action) in [
        ("DeleteRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"),
        ("PutRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"),
    ] {
        let bound_role = |action: &str, resource: &str| {
            with_low_role(
                Details::new().user("eve", json!([allow(json!(action), json!(resource))])),
                json!([everything()]),
            )
            .role_bound(&policy_arn("limits"))
            .policy("limits", &[json!([allow(json!("s3:*"), json!("*"))])])
        };
        all.insert(
            method,
            cases(
                &[bound_role(action, "*")],
                &[bound_role(action, &role_arn("other")), bound_role("s3:*", "*")],
            ),
        );
    }

    let attached_deny = |left: &str| {
        Details::new()
            .user("eve", json!([everything()]))
            .user_has(&policy_arn("stop"))
            .policy("stop", &[deny_all_but(left)])
    };
    all.insert(
        "DetachUserPolicy",
        cases(&[attached_deny("iam:DetachUserPolicy")], &[attached_deny("iam:ListUsers")]),
    );
    let inline_deny = |left: &str| {
        let policies = json!([
            {"PolicyName": "all", "PolicyDocument": document(json!([everything()]))},
            {"PolicyName": "stop", "PolicyDocument": document(deny_all_but(left))},
        ]);
        Details::new().user("eve", json!([])).user_with("UserPolicyList", policies)
    };
    all.insert(
        "DeleteUserPolicy",
        cases(&[inline_deny("iam:DeleteUserPolicy")], &[inline_deny("iam:ListUsers")]),
    );
    let role_denied = |action: &str, resource: &str| {
        with_low_role(
            Details::new().user("eve", json!([allow(json!(action), json!(resource))])),
            json!([everything()]),
        )
        .role_has(&policy_arn("stop"))
        .policy("stop", &[json!([deny(json!("*"), json!("*"))])])
    };
    all.insert(
        "DetachRolePolicy",
        cases(
            &[role_denied("iam:DetachRolePolicy", "*")],
            &[
                role_denied("iam:DetachRolePolicy", &role_arn("other")),
                role_denied("iam:DeleteRolePolicy", "*"),
            ],
        ),
    );
    let role_inline = |action: &str| {
        let details =
            with_low_role(Details::new().user("eve", json!([allow(json!(action), json!("*"))])), json!([]));
        details.role_with(
            "RolePolicyList",
            json!([
                {"PolicyName": "all", "PolicyDocument": document(json!([everything()]))},
                {"PolicyName": "stop", "PolicyDocument": document(json!([deny(json!("*"), json!("*"))]))},
            ]),
        )
    };
    all.insert(
        "DeleteRolePolicy",
        cases(&[role_inline("iam:DeleteRolePolicy")], &[role_inline("iam:DetachRolePolicy")]),
    );
    for (method, action) in [
        ("DetachGroupPolicy", "iam:DetachGroupPolicy"),
        ("DeleteGroupPolicy", "iam:DeleteGroupPolicy"),
        ("RemoveUserFromGroup", "iam:RemoveUserFromGroup"),
    ] {
        let attached = method == "DetachGroupPolicy";
        // Bob is everything but for his group; eve has a key to him and works on the group.
        let shape = |action: &str| {
            let mut details = eve(&["iam:CreateAccessKey", action])
                .user("bob", json!([everything()]))
                .user_in("stopped")
                .policy("stop", &[json!([deny(json!("*"), json!("*"))])])
                .group("stopped", if attached { json!([]) } else { json!([deny(json!("*"), json!("*"))]) });
            if attached {
                details.0["GroupDetailList"][0]["AttachedManagedPolicies"] =
                    json!([{"PolicyArn": policy_arn("stop"), "PolicyName": "stop"}]);
            }
            details
        };
        all.insert(method, cases(&[shape(action)], &[shape("iam:ListGroups")]));
    }

    let trusting = |principal: Value, statements: Value| {
        Details::new().user("eve", statements).role("admin", principal, json!([everything()]))
    };
    let may_assume = json!([allow(json!("sts:AssumeRole"), json!("*"))]);
    let root = json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:root")});
    all.insert(
        "AssumeRole",
        cases(
            &[
                trusting(root.clone(), may_assume.clone()),
                trusting(json!({"AWS": ACCOUNT}), may_assume.clone()),
                trusting(json!({"AWS": user_arn("eve")}), json!([])),
                trusting(json!({"AWS": "*"}), json!([])),
                // Through a role in between.
                trusting(json!({"AWS": role_arn("low")}), json!([])).role(
                    "low",
                    json!({"AWS": user_arn("eve")}),
                    json!([]),
                ),
            ],
            &[
                trusting(root.clone(), json!([])),
                trusting(json!({"AWS": "arn:aws:iam::999988887777:root"}), may_assume.clone()),
                trusting(json!({"AWS": user_arn("bob")}), may_assume.clone()),
                trusting(json!({"Service": "lambda.amazonaws.com"}), may_assume.clone()),
                trusting(root.clone(), json!([allow(json!("sts:AssumeRole"), json!(role_arn("other")))])),
                trusting(json!({"AWS": user_arn("eve")}), json!([deny(json!("sts:AssumeRole"), json!("*"))])),
                trusting(root, may_assume.clone())
                    .user_bound(&policy_arn("limits"))
                    .policy("limits", &[json!([allow(json!("s3:*"), json!("*"))])]),
                service_linked(may_assume),
            ],
        ),
    );

    for (method, action) in [
        ("CreateAccessKey", "iam:CreateAccessKey"),
        ("CreateLoginProfile", "iam:CreateLoginProfile"),
        ("UpdateLoginProfile", "iam:UpdateLoginProfile"),
    ] {
        let shape = |resource: &str| {
            Details::new()
                .user("eve", json!([allow(json!(action), json!(resource))]))
                .user("root-like", json!([everything()]))
                .user("poor", json!([]))
        };
        let mut cases = cases(
            &[shape("*"), shape(&user_arn("root-*"))],
            &[shape(&user_arn("poor")), shape(&user_arn("${aws:username}"))],
        );
        let mut estate = shape("*").estate();
        for user in &mut estate.users {
            user.has_password = Some(action == "iam:CreateLoginProfile");
        }
        if action != "iam:CreateAccessKey" {
            cases.fails.push(estate);
        }
        all.insert(method, cases);
    }

    let update = |actions: Value, resource: Value, path: &str| {
        Details::new()
            .user("eve", json!([allow(actions, resource)]))
            .service_admin("ec2.amazonaws.com")
            .role_with("Arn", json!(format!("arn:aws:iam::{ACCOUNT}:role{path}admin")))
    };
    let trust_call = json!("iam:UpdateAssumeRolePolicy");
    all.insert(
        "UpdateAssumeRolePolicy",
        cases(
            &[update(trust_call.clone(), json!("*"), "/")],
            &[
                update(trust_call.clone(), json!(role_arn("other")), "/"),
                update(trust_call.clone(), json!("*"), "/aws-service-role/ec2.amazonaws.com/"),
                update(trust_call, json!("*"), "/aws-reserved/sso.amazonaws.com/"),
                Details::new()
                    .user(
                        "eve",
                        json!([
                            allow(json!("iam:UpdateAssumeRolePolicy"), json!("*")),
                            deny(json!("sts:*"), json!("*"))
                        ]),
                    )
                    .service_admin("ec2.amazonaws.com"),
            ],
        ),
    );

    all.insert("PassRole+EC2", passing(EC2, &["ec2:RunInstances"]));
    let without_profile = |actions: &[&str]| eve(actions).service_admin(EC2);
    let ec2 = all.get_mut("PassRole+EC2").unwrap();
    ec2.fails.push(without_profile(&["ec2:RunInstances", "iam:PassRole"]).estate());
    ec2.fails.push(
        Details::new()
            .user(
                "eve",
                json!([
                    allow(json!("iam:PassRole"), json!("*")),
                    allow(json!("ec2:RunInstances"), json!("arn:aws:ec2:*:*:instance/*"))
                ]),
            )
            .service_admin(EC2)
            .with_profile()
            .estate(),
    );
    ec2.works.push(
        without_profile(&[
            "ec2:RunInstances",
            "iam:PassRole",
            "iam:CreateInstanceProfile",
            "iam:AddRoleToInstanceProfile",
        ])
        .estate(),
    );
    all.insert(
        "PassRole+Lambda",
        passing("lambda.amazonaws.com", &["lambda:CreateFunction", "lambda:InvokeFunction"]),
    );
    let lambda = all.get_mut("PassRole+Lambda").unwrap();
    for trigger in ["lambda:AddPermission", "lambda:CreateEventSourceMapping"] {
        let actions = ["lambda:CreateFunction", trigger, "iam:PassRole"];
        lambda.works.push(eve(&actions).service_admin("lambda.amazonaws.com").estate());
    }
    let named = |create: &str, invoke: &str| {
        let function = |name: &str| format!("arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}");
        Details::new()
            .user(
                "eve",
                json!([
                    allow(json!("lambda:CreateFunction"), json!(function(create))),
                    allow(json!("lambda:InvokeFunction"), json!(function(invoke))),
                    allow(json!("iam:PassRole"), json!("*")),
                ]),
            )
            .service_admin("lambda.amazonaws.com")
            .estate()
    };
    lambda.works.push(named("app-*", "app-*"));
    lambda.works.push(named("app-*", "app-one"));
    lambda.fails.push(named("app-*", "web-*"));
    for (method, service, calls) in [
        (
            "PassRole+CloudFormation",
            "cloudformation.amazonaws.com",
            &["cloudformation:CreateStack"] as &[&str],
        ),
        (
            "PassRole+CloudFormationChangeSet",
            "cloudformation.amazonaws.com",
            &["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"],
        ),
        (
            "PassRole+GlueDevEndpoint",
            "glue.amazonaws.com",
            &["glue:CreateDevEndpoint", "glue:GetDevEndpoint"],
        ),
        ("PassRole+GlueJob", "glue.amazonaws.com", &["glue:CreateJob", "glue:StartJobRun"]),
        ("PassRole+GlueTrigger", "glue.amazonaws.com", &["glue:CreateJob", "glue:CreateTrigger"]),
        ("PassRole+GlueSession", "glue.amazonaws.com", &["glue:CreateSession", "glue:RunStatement"]),
        (
            "PassRole+SageMakerNotebook",
            "sagemaker.amazonaws.com",
            &["sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"],
        ),
        ("PassRole+SageMakerTraining", "sagemaker.amazonaws.com", &["sagemaker:CreateTrainingJob"]),
        ("PassRole+SageMakerProcessing", "sagemaker.amazonaws.com", &["sagemaker:CreateProcessingJob"]),
        (
            "PassRole+CodeBuild",
            "codebuild.amazonaws.com",
            &["codebuild:CreateProject", "codebuild:StartBuild"],
        ),
        ("PassRole+ECS", "ecs-tasks.amazonaws.com", &["ecs:RegisterTaskDefinition", "ecs:RunTask"]),
        ("PassRole+Batch", "ecs-tasks.amazonaws.com", &["batch:RegisterJobDefinition", "batch:SubmitJob"]),
        (
            "PassRole+AutoScaling",
            EC2,
            &["autoscaling:CreateLaunchConfiguration", "autoscaling:CreateAutoScalingGroup"],
        ),
        (
            "PassRole+StepFunctions",
            "states.amazonaws.com",
            &["states:CreateStateMachine", "states:StartExecution"],
        ),
        ("PassRole+Scheduler", "scheduler.amazonaws.com", &["scheduler:CreateSchedule"]),
        ("PassRole+AppRunner", "tasks.apprunner.amazonaws.com", &["apprunner:CreateService"]),
        (
            "PassRole+SSMAutomation",
            "ssm.amazonaws.com",
            &["ssm:CreateDocument", "ssm:StartAutomationExecution"],
        ),
        (
            "PassRole+EMRServerless",
            "emr-serverless.amazonaws.com",
            &["emr-serverless:CreateApplication", "emr-serverless:StartJobRun"],
        ),
        (
            "PassRole+BedrockAgentCore",
            "bedrock-agentcore.amazonaws.com",
            &[
                "bedrock-agentcore:CreateCodeInterpreter",
                "bedrock-agentcore:StartCodeInterpreterSession",
                "bedrock-agentcore:InvokeCodeInterpreter",
            ],
        ),
    ] {
        all.insert(method, passing(service, calls));
    }
    all.insert(
        "PassRole+DataPipeline",
        passing_two(
            "datapipeline.amazonaws.com",
            &[
                "datapipeline:CreatePipeline",
                "datapipeline:PutPipelineDefinition",
                "datapipeline:ActivatePipeline",
            ],
        ),
    );
    all.insert(
        "PassRole+EMR",
        passing_two("elasticmapreduce.amazonaws.com", &["elasticmapreduce:RunJobFlow"]),
    );

    for (method, kind, resource, service, calls) in [
        (
            "UpdateFunctionCode",
            ComputeKind::Function,
            "lambda:eu-central-1:111122223333:function:report",
            "lambda.amazonaws.com",
            &["lambda:UpdateFunctionCode", "lambda:InvokeFunction"] as &[&str],
        ),
        (
            "UpdateFunctionConfiguration",
            ComputeKind::Function,
            "lambda:eu-central-1:111122223333:function:report",
            "lambda.amazonaws.com",
            &["lambda:UpdateFunctionConfiguration", "lambda:InvokeFunction"],
        ),
        (
            "SSM:SendCommand",
            ComputeKind::Instance,
            "ec2:eu-central-1:111122223333:instance/i-0a",
            EC2,
            &["ssm:SendCommand"],
        ),
        (
            "SSM:StartSession",
            ComputeKind::Instance,
            "ec2:eu-central-1:111122223333:instance/i-0a",
            EC2,
            &["ssm:StartSession"],
        ),
        (
            "ModifyInstanceAttribute",
            ComputeKind::Instance,
            "ec2:eu-central-1:111122223333:instance/i-0a",
            EC2,
            &["ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"],
        ),
        (
            "StartBuild",
            ComputeKind::BuildProject,
            "codebuild:eu-central-1:111122223333:project/site",
            "codebuild.amazonaws.com",
            &["codebuild:StartBuild"],
        ),
        (
            "CreatePresignedNotebookInstanceUrl",
            ComputeKind::Notebook,
            "sagemaker:eu-central-1:111122223333:notebook-instance/lab",
            "sagemaker.amazonaws.com",
            &["sagemaker:CreatePresignedNotebookInstanceUrl"],
        ),
        (
            "ECS:ExecuteCommand",
            ComputeKind::Task,
            "ecs:eu-central-1:111122223333:task/web/1",
            "ecs-tasks.amazonaws.com",
            &["ecs:ExecuteCommand"],
        ),
        (
            "UpdateJob",
            ComputeKind::GlueJob,
            "glue:eu-central-1:111122223333:job/nightly",
            "glue.amazonaws.com",
            &["glue:UpdateJob", "glue:StartJobRun", "iam:PassRole"],
        ),
        (
            "UpdateDevEndpoint",
            ComputeKind::GlueEndpoint,
            "glue:eu-central-1:111122223333:devEndpoint/lab",
            "glue.amazonaws.com",
            &["glue:UpdateDevEndpoint"],
        ),
        (
            "UpdateStack",
            ComputeKind::Stack,
            "cloudformation:eu-central-1:111122223333:stack/base/1",
            "cloudformation.amazonaws.com",
            &["cloudformation:UpdateStack"],
        ),
        (
            "UpdateStateMachine",
            ComputeKind::StateMachine,
            "states:eu-central-1:111122223333:stateMachine:flow",
            "states.amazonaws.com",
            &["states:UpdateStateMachine", "states:StartExecution"],
        ),
        (
            "AppRunner:UpdateService",
            ComputeKind::AppRunnerService,
            "apprunner:eu-central-1:111122223333:service/web/1",
            "tasks.apprunner.amazonaws.com",
            &["apprunner:UpdateService"],
        ),
    ] {
        let cases = existing(kind, &format!("arn:aws:{resource}"), service, calls);
        all.insert(method, cases);
    }

    let new_user = ["iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey"];
    let created = |actions: &[&str], pattern: &str| {
        Details::new().user("eve", json!([allow(json!(actions), json!(user_arn(pattern)))]))
    };
    all.insert(
        "CreateUser",
        cases(
            &[
                created(&new_user, "svc-*"),
                created(&["iam:CreateUser", "iam:AttachUserPolicy", "iam:CreateLoginProfile"], "svc-*"),
            ],
            &[
                created(&new_user[..2], "svc-*"),
                created(&[new_user[0], new_user[2]], "svc-*"),
                created(&new_user[1..], "svc-*"),
            ],
        ),
    );
    let new_role = |actions: &[&str], deny_actions: &[&str]| {
        Details::new().user(
            "eve",
            json!([allow(json!(actions), json!(role_arn("svc-*"))), deny(json!(deny_actions), json!("*"))]),
        )
    };
    all.insert(
        "CreateRole",
        cases(
            &[
                new_role(&["iam:CreateRole", "iam:PutRolePolicy"], &["s3:Get*"]),
                new_role(&["iam:CreateRole", "iam:AttachRolePolicy"], &["s3:Get*"]),
            ],
            &[
                new_role(&["iam:CreateRole"], &["s3:Get*"]),
                new_role(&["iam:PutRolePolicy"], &["s3:Get*"]),
                new_role(&["iam:CreateRole", "iam:PutRolePolicy"], &["sts:AssumeRole"]),
            ],
        ),
    );
    all
}

fn plain_in_group(statements: Value) -> Details {
    Details::new()
        .user("eve", statements)
        .user_in("staff")
        .group("staff", json!([]))
        .group("other", json!([]))
}

fn deny_all_but(action: &str) -> Value {
    json!([{"Effect": "Deny", "NotAction": [action, "s3:*"], "Resource": "*"}])
}

fn service_linked(statements: Value) -> Details {
    Details::new()
        .user("eve", statements)
        .role("admin", json!({"AWS": "*"}), json!([everything()]))
        .role_with(
            "Arn",
            json!(format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/x.amazonaws.com/admin")),
        )
}

#[test]
fn every_method_works_where_it_should_and_only_there() {
    let cases = all_cases();
    let mut wrong = Vec::new();
    for method in METHODS {
        let Some(cases) = cases.get(method.name) else {
            wrong.push(format!("{}: no cases", method.name));
            continue;
        };
        assert!(!cases.works.is_empty() && !cases.fails.is_empty(), "{}", method.name);
        for (at, estate) in cases.works.iter().enumerate() {
            let answer = answer(estate, EVE);
            let used = answer.steps.iter().any(|step| step.method == method.name);
            if answer.admin != Admin::Can || !used {
                wrong.push(format!("{} case {at} should work: {answer:?}", method.name));
            }
            assert!(answer.steps.iter().all(|step| !step.because.is_empty() || step.method == "AssumeRole"));
        }
        for (at, estate) in cases.fails.iter().enumerate() {
            let answer = answer(estate, EVE);
            if answer.admin != Admin::No {
                wrong.push(format!("{} case {at} should fail: {answer:?}", method.name));
            }
        }
    }
    for name in cases.keys() {
        if !METHODS.iter().any(|method| method.name == *name) {
            wrong.push(format!("{name}: not in the table"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
