//! Methods that hand a role to a service: `iam:PassRole` on a role that trusts the service, and the calls
//! that make the service act. They must not count a role that the service could not assume.

use super::ask::{Answer, Target};
use super::probe::Need;
use super::search::GainEdge;
use super::world::{ActorId, World};
use crate::context::{Context, Key};

/// What a service asks for.
pub(super) struct Pass {
    /// The service principal that the role trusts and that `iam:PassedToService` names.
    service: &'static str,
    /// All of these; each by one of its actions.
    needs: &'static [Need],
    /// The role comes to an instance through an instance profile.
    instance_profile: bool,
    /// The service acts with the role, but does not hand out its credentials: good for a role that is
    /// administrator, not for one that would have to go on from there.
    only_administrators: bool,
    /// Another role has to be passed too, to this service.
    second: Option<&'static str>,
}

const PLAIN: Pass =
    Pass { service: "", needs: &[], instance_profile: false, only_administrators: false, second: None };

const RUN_INSTANCES: [Need; 6] = [
    &[("ec2:RunInstances", "instance/*")],
    &[("ec2:RunInstances", "aws:image/ami-1")],
    &[("ec2:RunInstances", "subnet/subnet-1")],
    &[("ec2:RunInstances", "network-interface/*")],
    &[("ec2:RunInstances", "security-group/sg-1")],
    &[("ec2:RunInstances", "volume/*")],
];

pub(super) const EC2: Pass =
    Pass { service: "ec2.amazonaws.com", needs: &RUN_INSTANCES, instance_profile: true, ..PLAIN };
pub(super) const LAMBDA: Pass = Pass {
    service: "lambda.amazonaws.com",
    needs: &[
        &[("lambda:CreateFunction", "function:new-function")],
        &[
            ("lambda:InvokeFunction", "function:new-function"),
            // Opens the function to an account of the attacker's.
            ("lambda:AddPermission", "function:new-function"),
            // Feeds it from a queue of the attacker's.
            ("lambda:CreateEventSourceMapping", "*"),
        ],
    ],
    ..PLAIN
};
pub(super) const CLOUDFORMATION: Pass = Pass {
    service: "cloudformation.amazonaws.com",
    needs: &[&[("cloudformation:CreateStack", "stack/new-stack/1")]],
    only_administrators: true,
    ..PLAIN
};
pub(super) const CLOUDFORMATION_CHANGE_SET: Pass = Pass {
    service: "cloudformation.amazonaws.com",
    needs: &[
        &[("cloudformation:CreateChangeSet", "stack/new-stack/1")],
        &[("cloudformation:ExecuteChangeSet", "stack/new-stack/1")],
    ],
    only_administrators: true,
    ..PLAIN
};
pub(super) const GLUE_ENDPOINT: Pass = Pass {
    service: "glue.amazonaws.com",
    needs: &[
        &[("glue:CreateDevEndpoint", "devEndpoint/new-endpoint")],
        // The address to connect to comes from here.
        &[
            ("glue:GetDevEndpoint", "devEndpoint/new-endpoint"),
            ("glue:GetDevEndpoints", "devEndpoint/new-endpoint"),
        ],
    ],
    ..PLAIN
};
pub(super) const GLUE_JOB: Pass = Pass {
    service: "glue.amazonaws.com",
    needs: &[&[("glue:CreateJob", "job/new-job")], &[("glue:StartJobRun", "job/new-job")]],
    ..PLAIN
};
pub(super) const GLUE_TRIGGER: Pass = Pass {
    service: "glue.amazonaws.com",
    needs: &[&[("glue:CreateJob", "job/new-job")], &[("glue:CreateTrigger", "trigger/new-trigger")]],
    ..PLAIN
};
pub(super) const GLUE_SESSION: Pass = Pass {
    service: "glue.amazonaws.com",
    needs: &[
        &[("glue:CreateSession", "session/new-session")],
        &[("glue:RunStatement", "session/new-session")],
    ],
    ..PLAIN
};
pub(super) const DATA_PIPELINE: Pass = Pass {
    service: "ec2.amazonaws.com",
    needs: &[
        &[("datapipeline:CreatePipeline", "*")],
        &[("datapipeline:PutPipelineDefinition", "*")],
        &[("datapipeline:ActivatePipeline", "*")],
    ],
    instance_profile: true,
    second: Some("datapipeline.amazonaws.com"),
    ..PLAIN
};
pub(super) const SAGEMAKER_NOTEBOOK: Pass = Pass {
    service: "sagemaker.amazonaws.com",
    needs: &[
        &[("sagemaker:CreateNotebookInstance", "notebook-instance/new-notebook")],
        &[("sagemaker:CreatePresignedNotebookInstanceUrl", "notebook-instance/new-notebook")],
    ],
    ..PLAIN
};
pub(super) const SAGEMAKER_TRAINING: Pass = Pass {
    service: "sagemaker.amazonaws.com",
    needs: &[&[("sagemaker:CreateTrainingJob", "training-job/new-job")]],
    ..PLAIN
};
pub(super) const SAGEMAKER_PROCESSING: Pass = Pass {
    service: "sagemaker.amazonaws.com",
    needs: &[&[("sagemaker:CreateProcessingJob", "processing-job/new-job")]],
    ..PLAIN
};
pub(super) const CODEBUILD: Pass = Pass {
    service: "codebuild.amazonaws.com",
    needs: &[
        &[("codebuild:CreateProject", "project/new-project")],
        &[
            ("codebuild:StartBuild", "project/new-project"),
            ("codebuild:StartBuildBatch", "project/new-project"),
        ],
    ],
    ..PLAIN
};
pub(super) const ECS: Pass = Pass {
    service: "ecs-tasks.amazonaws.com",
    needs: &[
        &[("ecs:RegisterTaskDefinition", "*"), ("ecs:RegisterTaskDefinition", "task-definition/new-task:1")],
        &[
            ("ecs:RunTask", "task-definition/new-task:1"),
            ("ecs:StartTask", "task-definition/new-task:1"),
            ("ecs:CreateService", "service/cluster/new-service"),
        ],
    ],
    ..PLAIN
};
pub(super) const BATCH: Pass = Pass {
    service: "ecs-tasks.amazonaws.com",
    needs: &[
        &[("batch:RegisterJobDefinition", "job-definition/new-job")],
        &[("batch:SubmitJob", "job-definition/new-job")],
        &[("batch:SubmitJob", "job-queue/queue")],
    ],
    ..PLAIN
};
pub(super) const AUTO_SCALING: Pass = Pass {
    service: "ec2.amazonaws.com",
    needs: &[
        &[("autoscaling:CreateLaunchConfiguration", "launchConfiguration:1:launchConfigurationName/new")],
        &[("autoscaling:CreateAutoScalingGroup", "autoScalingGroup:1:autoScalingGroupName/new")],
    ],
    instance_profile: true,
    ..PLAIN
};
pub(super) const STEP_FUNCTIONS: Pass = Pass {
    service: "states.amazonaws.com",
    needs: &[
        &[("states:CreateStateMachine", "stateMachine:new-machine")],
        &[
            ("states:StartExecution", "stateMachine:new-machine"),
            ("states:StartSyncExecution", "stateMachine:new-machine"),
        ],
    ],
    ..PLAIN
};
pub(super) const SCHEDULER: Pass = Pass {
    service: "scheduler.amazonaws.com",
    needs: &[&[("scheduler:CreateSchedule", "schedule/default/new-schedule")]],
    ..PLAIN
};
pub(super) const APP_RUNNER: Pass = Pass {
    service: "tasks.apprunner.amazonaws.com",
    needs: &[&[("apprunner:CreateService", "service/new-service/1")]],
    ..PLAIN
};
pub(super) const SSM_AUTOMATION: Pass = Pass {
    service: "ssm.amazonaws.com",
    needs: &[
        &[("ssm:CreateDocument", "document/new-document")],
        &[
            ("ssm:StartAutomationExecution", "document/new-document"),
            ("ssm:StartAutomationExecution", "automation-definition/new-document:1"),
        ],
    ],
    ..PLAIN
};
pub(super) const EMR: Pass = Pass {
    service: "ec2.amazonaws.com",
    needs: &[&[("elasticmapreduce:RunJobFlow", "cluster/j-1")]],
    instance_profile: true,
    second: Some("elasticmapreduce.amazonaws.com"),
    ..PLAIN
};
pub(super) const EMR_SERVERLESS: Pass = Pass {
    service: "emr-serverless.amazonaws.com",
    needs: &[
        &[("emr-serverless:CreateApplication", "/*")],
        &[("emr-serverless:StartJobRun", "/applications/1")],
    ],
    ..PLAIN
};
pub(super) const BEDROCK_AGENT_CORE: Pass = Pass {
    service: "bedrock-agentcore.amazonaws.com",
    needs: &[
        &[("bedrock-agentcore:CreateCodeInterpreter", "code-interpreter-custom/new")],
        &[("bedrock-agentcore:StartCodeInterpreterSession", "code-interpreter-custom/new")],
        &[("bedrock-agentcore:InvokeCodeInterpreter", "code-interpreter-custom/new")],
    ],
    ..PLAIN
};

const NEW_PROFILE: &[Need] = &[
    &[("iam:CreateInstanceProfile", "global:instance-profile/new-profile")],
    &[("iam:AddRoleToInstanceProfile", "global:instance-profile/new-profile")],
];

/// Keys of requests that make something new: no tags, and what is only a matter of taste is free.
fn extra() -> Context<'static> {
    let mut context = Context::new();
    context
        .absent("aws:TagKeys")
        .close("aws:RequestTag/")
        .set("ec2:InstanceType", Key::Free)
        .set("lambda:Layer", Key::Absent);
    context
}

/// Roles whose rights the actor gets by the method.
pub(super) fn gains(
    world: &mut World<'_>,
    actor: ActorId,
    pass: &Pass,
    only: Option<usize>,
) -> Vec<GainEdge> {
    if !world.may(actor, "iam:PassRole") {
        return Vec::new();
    }
    let made = world.needs(actor, pass.needs, &extra(), None);
    if made.is_no() {
        return Vec::new();
    }
    let second = match pass.second {
        None => Answer::yes(),
        Some(service) => {
            let mut best = Answer::no();
            for (at, trust) in world.trusting(service).iter() {
                best = best.or(pass_role(world, actor, *at, service).and(trust.clone()));
            }
            best
        }
    };
    if second.is_no() {
        return Vec::new();
    }
    let own = world.principal_of(actor);
    let mut profile = None;
    let mut edges = Vec::new();
    for (at, trust) in world.trusting(pass.service).iter() {
        if *at == own || only.is_some_and(|only| only != *at) {
            continue;
        }
        let passed = pass_role(world, actor, *at, pass.service);
        if passed.is_no() {
            continue;
        }
        let mut answer = made.clone().and(passed).and(trust.clone()).and(second.clone());
        let has_profile =
            world.index.principals[*at].role().is_some_and(|role| !role.instance_profiles.is_empty());
        if pass.instance_profile && !has_profile {
            let new = profile.get_or_insert_with(|| world.needs(actor, NEW_PROFILE, &extra(), None));
            answer = answer.and(new.clone());
        }
        if !answer.is_no() {
            edges.push(GainEdge {
                only_administrators: pass.only_administrators,
                ..GainEdge::new(*at, answer)
            });
        }
    }
    edges
}

/// Whether the actor may pass the role to the service. A role is passed within its account only.
fn pass_role(world: &mut World<'_>, actor: ActorId, role: usize, service: &str) -> Answer {
    let index = world.index;
    let role = &index.principals[role];
    if role.account != world.principal(actor).account {
        return Answer::no();
    }
    let target = Target::principal(role)
        .with("iam:PassedToService", service)
        // A service acts in any region that the caller picks.
        .set("aws:RequestedRegion", Key::Free);
    world.ask(actor, "iam:PassRole", &target)
}
