//! Methods that take over something that runs under a role already. They must not assume that it exists:
//! where nobody listed what runs, a role that was never used has nothing that runs with it, and for the
//! others it is not known.

use super::ask::{Answer, Target};
use super::probe::Need;
use super::search::GainEdge;
use super::world::{ActorId, World};
use crate::account::{ComputeKind, LastUsed};
use crate::context::Key;

/// What it takes.
pub(super) struct Existing {
    kind: ComputeKind,
    /// The service that the role trusts.
    service: &'static str,
    /// In words, for what is not known.
    thing: &'static str,
    /// All of these, each by one of its actions; `RESOURCE` stands for the thing itself.
    needs: &'static [Need],
    /// The thing has to take part: its agent talks to Systems Manager with the role's own rights.
    agent: bool,
    only_administrators: bool,
}

/// The resource shape that stands for the thing itself; the rest is an example for when it is not known.
const RESOURCE: &str = "instance/*";

const PLAIN: Existing = Existing {
    kind: ComputeKind::Instance,
    service: "ec2.amazonaws.com",
    thing: "an instance",
    needs: &[],
    agent: false,
    only_administrators: false,
};

pub(super) const FUNCTION_CODE: Existing = Existing {
    kind: ComputeKind::Function,
    service: "lambda.amazonaws.com",
    thing: "a function",
    needs: &[
        &[("lambda:UpdateFunctionCode", RESOURCE)],
        &[("lambda:InvokeFunction", RESOURCE), ("lambda:AddPermission", RESOURCE)],
    ],
    ..PLAIN
};
pub(super) const FUNCTION_LAYER: Existing = Existing {
    needs: &[
        &[("lambda:UpdateFunctionConfiguration", RESOURCE)],
        &[("lambda:InvokeFunction", RESOURCE), ("lambda:AddPermission", RESOURCE)],
    ],
    ..FUNCTION_CODE
};
pub(super) const SEND_COMMAND: Existing = Existing {
    needs: &[&[("ssm:SendCommand", RESOURCE)], &[("ssm:SendCommand", "aws:document/AWS-RunShellScript")]],
    agent: true,
    ..PLAIN
};
pub(super) const START_SESSION: Existing =
    Existing { needs: &[&[("ssm:StartSession", RESOURCE)]], agent: true, ..PLAIN };
pub(super) const USER_DATA: Existing = Existing {
    needs: &[
        &[("ec2:ModifyInstanceAttribute", RESOURCE)],
        &[("ec2:StopInstances", RESOURCE)],
        &[("ec2:StartInstances", RESOURCE)],
    ],
    ..PLAIN
};
pub(super) const START_BUILD: Existing = Existing {
    kind: ComputeKind::BuildProject,
    service: "codebuild.amazonaws.com",
    thing: "a build project",
    needs: &[&[("codebuild:StartBuild", RESOURCE), ("codebuild:StartBuildBatch", RESOURCE)]],
    ..PLAIN
};
pub(super) const NOTEBOOK: Existing = Existing {
    kind: ComputeKind::Notebook,
    service: "sagemaker.amazonaws.com",
    thing: "a notebook",
    needs: &[&[("sagemaker:CreatePresignedNotebookInstanceUrl", RESOURCE)]],
    ..PLAIN
};
pub(super) const EXECUTE_COMMAND: Existing = Existing {
    kind: ComputeKind::Task,
    service: "ecs-tasks.amazonaws.com",
    thing: "a task that takes commands",
    needs: &[&[("ecs:ExecuteCommand", RESOURCE)]],
    ..PLAIN
};
pub(super) const GLUE_JOB: Existing = Existing {
    kind: ComputeKind::GlueJob,
    service: "glue.amazonaws.com",
    thing: "a Glue job",
    needs: &[&[("glue:UpdateJob", RESOURCE)], &[("glue:StartJobRun", RESOURCE)]],
    ..PLAIN
};
pub(super) const GLUE_ENDPOINT: Existing = Existing {
    kind: ComputeKind::GlueEndpoint,
    service: "glue.amazonaws.com",
    thing: "a Glue development endpoint",
    needs: &[&[("glue:UpdateDevEndpoint", RESOURCE)]],
    ..PLAIN
};
pub(super) const STACK: Existing = Existing {
    kind: ComputeKind::Stack,
    service: "cloudformation.amazonaws.com",
    thing: "a stack",
    needs: &[&[("cloudformation:UpdateStack", RESOURCE)]],
    only_administrators: true,
    ..PLAIN
};
pub(super) const STATE_MACHINE: Existing = Existing {
    kind: ComputeKind::StateMachine,
    service: "states.amazonaws.com",
    thing: "a state machine",
    needs: &[
        &[("states:UpdateStateMachine", RESOURCE)],
        &[("states:StartExecution", RESOURCE), ("states:StartSyncExecution", RESOURCE)],
    ],
    ..PLAIN
};
pub(super) const APP_RUNNER: Existing = Existing {
    kind: ComputeKind::AppRunnerService,
    service: "tasks.apprunner.amazonaws.com",
    thing: "an App Runner service",
    needs: &[&[("apprunner:UpdateService", RESOURCE)]],
    ..PLAIN
};

/// Glue and Step Functions ask for the role to be passed again when something is updated.
fn passes_again(existing: &Existing) -> bool {
    matches!(existing.kind, ComputeKind::GlueJob)
}

/// Roles whose rights the actor gets by the method.
pub(super) fn gains(
    world: &mut World<'_>,
    actor: ActorId,
    existing: &Existing,
    only: Option<usize>,
) -> Vec<GainEdge> {
    let wanted = |at: usize| only.is_none_or(|only| only == at);
    for need in existing.needs {
        let mut any = false;
        for (action, _) in *need {
            any |= world.may(actor, action);
        }
        if !any {
            return Vec::new();
        }
    }
    let own = world.principal_of(actor);
    let mut edges = Vec::new();
    let index = world.index;
    if let Some(compute) = &index.estate.compute {
        for thing in compute.iter().filter(|thing| thing.kind == existing.kind) {
            let Some(at) = index.principal(&thing.role).filter(|at| *at != own && wanted(*at)) else {
                continue;
            };
            let answer = take(world, actor, existing, at, &thing.arn);
            push(&mut edges, existing, at, answer);
        }
    } else {
        for (at, trust) in world.trusting(existing.service).iter() {
            let principal = &index.principals[*at];
            let Some(role) = principal.role().filter(|_| *at != own && wanted(*at)) else { continue };
            let profile = existing.kind != ComputeKind::Instance || !role.instance_profiles.is_empty();
            if role.last_used == LastUsed::Never
                || !profile
                || principal.account != world.principal(actor).account
            {
                continue;
            }
            let example = example(existing.kind, principal.partition, principal.account);
            let answer = take(world, actor, existing, *at, &example)
                .and(trust.clone())
                .hanging_on(format!("whether {} runs as {}", existing.thing, principal.name));
            push(&mut edges, existing, *at, answer);
        }
    }
    edges
}

fn push(edges: &mut Vec<GainEdge>, existing: &Existing, role: usize, answer: Answer) {
    if !answer.is_no() {
        edges.push(GainEdge {
            only_administrators: existing.only_administrators,
            ..GainEdge::new(role, answer)
        });
    }
}

fn take(world: &mut World<'_>, actor: ActorId, existing: &Existing, role: usize, arn: &str) -> Answer {
    let region = arn.split(':').nth(3).unwrap_or("us-east-1").to_owned();
    let mut answer = Answer::yes();
    for need in existing.needs {
        let mut one = Answer::no();
        for (action, shape) in *need {
            let resource = match shape.strip_prefix("aws:") {
                Some(rest) => format!("arn:{}:ssm:{region}::{rest}", world.principal(actor).partition),
                None => arn.to_owned(),
            };
            let target = Target::at(&resource, &region);
            one = one.or(world.ask(actor, action, &target));
        }
        answer = answer.and(one);
        if answer.is_no() {
            return answer;
        }
    }
    if passes_again(existing) {
        let target = Target::principal(&world.index.principals[role])
            .with("iam:PassedToService", existing.service)
            .set("aws:RequestedRegion", Key::Free);
        answer = answer.and(world.ask(actor, "iam:PassRole", &target));
    }
    if existing.agent && !answer.is_no() {
        let id = world.actor(role, super::world::Overlay::default());
        let target = Target::at("*", &region);
        let channel = world.ask(id, "ssmmessages:CreateControlChannel", &target).or(world.ask(
            id,
            "ec2messages:GetMessages",
            &target,
        ));
        answer = answer.and(channel);
    }
    answer
}

/// An ARN of the kind, for when nobody listed what runs.
fn example(kind: ComputeKind, partition: &str, account: &str) -> String {
    let (service, resource) = match kind {
        ComputeKind::Instance => ("ec2", "instance/i-1"),
        ComputeKind::Function => ("lambda", "function:function"),
        ComputeKind::BuildProject => ("codebuild", "project/project"),
        ComputeKind::Notebook => ("sagemaker", "notebook-instance/notebook"),
        ComputeKind::Task => ("ecs", "task/cluster/1"),
        ComputeKind::GlueJob => ("glue", "job/job"),
        ComputeKind::GlueEndpoint => ("glue", "devEndpoint/endpoint"),
        ComputeKind::Stack => ("cloudformation", "stack/stack/1"),
        ComputeKind::StateMachine => ("states", "stateMachine:machine"),
        ComputeKind::AppRunnerService => ("apprunner", "service/service/1"),
    };
    format!("arn:{partition}:{service}:us-east-1:{account}:{resource}")
}
