//! The table of escalation methods, in the order in which they are tried and shown. One entry per
//! method; what a method needs stands in the file of its family. It must not hold logic.
//!
//! Sources: the IAM user guide and the service authorization reference for what each call needs; the
//! published collections of IAM escalation paths (Rhino Security Labs, "AWS IAM Privilege Escalation";
//! Bishop Fox, "IAM Vulnerable"; Datadog, "pathfinding.cloud"; NCC Group, "Principal Mapper") for the methods.

use super::ask::Answer;
use super::pass::Pass;
use super::search::{ChangeEdge, GainEdge};
use super::world::{ActorId, World};
use super::{boundaries, compute, credentials, fresh, groups, pass, policies, trust};

/// A publicly documented way to more rights.
pub struct Method {
    /// Stable name, after the API call or the service that does the work.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub summary: &'static str,
    pub(super) apply: Apply,
}

/// What a method does, and how it is looked for.
pub(super) enum Apply {
    /// The first actor changes the second, which is held.
    Change(fn(&mut World<'_>, ActorId, ActorId) -> Vec<ChangeEdge>),
    /// The actor comes to act as another principal; with an index, only that one is asked about.
    Gain(fn(&mut World<'_>, ActorId, Option<usize>) -> Vec<GainEdge>),
    /// The actor makes a new administrator.
    Fresh(fn(&mut World<'_>, ActorId) -> Answer),
    /// The actor hands a role to a service that it commands.
    Pass(Pass),
    /// The actor takes over something that runs under a role.
    Existing(compute::Existing),
}

/// All methods.
pub static METHODS: &[Method] = &[
    change(
        "AttachUserPolicy",
        "attaches a stronger managed policy to a user it holds",
        policies::attach_user,
    ),
    change(
        "AttachRolePolicy",
        "attaches a stronger managed policy to a role it holds",
        policies::attach_role,
    ),
    change(
        "AttachGroupPolicy",
        "attaches a stronger managed policy to a group of a user it holds",
        policies::attach_group,
    ),
    change("PutUserPolicy", "writes an inline policy of a user it holds", policies::put_user),
    change("PutRolePolicy", "writes an inline policy of a role it holds", policies::put_role),
    change("PutGroupPolicy", "writes an inline policy of a group of a user it holds", policies::put_group),
    change(
        "CreatePolicyVersion",
        "rewrites a managed policy that is attached to what it holds",
        policies::create_version,
    ),
    change(
        "SetDefaultPolicyVersion",
        "brings back an older version of an attached policy",
        policies::set_default_version,
    ),
    change("AddUserToGroup", "adds a user it holds to a stronger group", groups::add),
    change(
        "DeleteUserPermissionsBoundary",
        "takes the boundary off a user it holds",
        boundaries::delete_user,
    ),
    change("PutUserPermissionsBoundary", "widens the boundary of a user it holds", boundaries::put_user),
    change(
        "DeleteRolePermissionsBoundary",
        "takes the boundary off a role it holds",
        boundaries::delete_role,
    ),
    change("PutRolePermissionsBoundary", "widens the boundary of a role it holds", boundaries::put_role),
    change("DetachUserPolicy", "detaches a policy that denies from a user it holds", policies::detach_user),
    change("DetachRolePolicy", "detaches a policy that denies from a role it holds", policies::detach_role),
    change(
        "DetachGroupPolicy",
        "detaches a policy that denies from a group of a user it holds",
        policies::detach_group,
    ),
    change(
        "DeleteUserPolicy",
        "deletes an inline policy that denies from a user it holds",
        policies::delete_user,
    ),
    change(
        "DeleteRolePolicy",
        "deletes an inline policy that denies from a role it holds",
        policies::delete_role,
    ),
    change(
        "DeleteGroupPolicy",
        "deletes an inline policy that denies from a group of a user it holds",
        policies::delete_group,
    ),
    change("RemoveUserFromGroup", "takes a user it holds out of a group that denies", groups::remove),
    gain("AssumeRole", "assumes a role", trust::assume),
    gain("CreateAccessKey", "makes an access key for another user", credentials::access_key),
    gain("CreateLoginProfile", "sets a first console password for another user", credentials::create_login),
    gain("UpdateLoginProfile", "changes the console password of another user", credentials::update_login),
    gain(
        "UpdateAssumeRolePolicy",
        "lets itself into the trust policy of a role and assumes it",
        trust::update,
    ),
    pass("PassRole+EC2", "starts an instance with the role's instance profile", pass::EC2),
    pass("PassRole+Lambda", "makes a function that runs as the role and has it run", pass::LAMBDA),
    pass("PassRole+CloudFormation", "has a stack made with the role's rights", pass::CLOUDFORMATION),
    pass(
        "PassRole+CloudFormationChangeSet",
        "has a change set carried out with the role's rights",
        pass::CLOUDFORMATION_CHANGE_SET,
    ),
    pass(
        "PassRole+GlueDevEndpoint",
        "opens a development endpoint that runs as the role",
        pass::GLUE_ENDPOINT,
    ),
    pass("PassRole+GlueJob", "makes and starts a job that runs as the role", pass::GLUE_JOB),
    pass(
        "PassRole+GlueTrigger",
        "makes a job that runs as the role and a trigger that starts it",
        pass::GLUE_TRIGGER,
    ),
    pass("PassRole+GlueSession", "opens an interactive session that runs as the role", pass::GLUE_SESSION),
    pass("PassRole+DataPipeline", "runs a pipeline on instances with the role", pass::DATA_PIPELINE),
    pass(
        "PassRole+SageMakerNotebook",
        "opens a notebook instance that runs as the role",
        pass::SAGEMAKER_NOTEBOOK,
    ),
    pass(
        "PassRole+SageMakerTraining",
        "starts a training job that runs as the role",
        pass::SAGEMAKER_TRAINING,
    ),
    pass(
        "PassRole+SageMakerProcessing",
        "starts a processing job that runs as the role",
        pass::SAGEMAKER_PROCESSING,
    ),
    pass("PassRole+CodeBuild", "makes a build project that runs as the role and starts it", pass::CODEBUILD),
    pass("PassRole+ECS", "registers a task that runs as the role and starts it", pass::ECS),
    pass("PassRole+Batch", "defines a job that runs as the role and submits it", pass::BATCH),
    pass("PassRole+AutoScaling", "makes a scaling group whose instances have the role", pass::AUTO_SCALING),
    pass(
        "PassRole+StepFunctions",
        "makes a state machine that calls APIs as the role and starts it",
        pass::STEP_FUNCTIONS,
    ),
    pass("PassRole+Scheduler", "makes a schedule that calls an API as the role", pass::SCHEDULER),
    pass("PassRole+AppRunner", "makes a service that runs as the role", pass::APP_RUNNER),
    pass("PassRole+SSMAutomation", "starts an automation that runs as the role", pass::SSM_AUTOMATION),
    pass("PassRole+EMR", "starts a cluster whose instances have the role", pass::EMR),
    pass("PassRole+EMRServerless", "starts a serverless job that runs as the role", pass::EMR_SERVERLESS),
    pass(
        "PassRole+BedrockAgentCore",
        "opens a code interpreter that runs as the role",
        pass::BEDROCK_AGENT_CORE,
    ),
    existing(
        "UpdateFunctionCode",
        "replaces the code of a function that runs as the role",
        compute::FUNCTION_CODE,
    ),
    existing(
        "UpdateFunctionConfiguration",
        "puts a layer under a function that runs as the role",
        compute::FUNCTION_LAYER,
    ),
    existing("SSM:SendCommand", "runs a command on an instance with the role", compute::SEND_COMMAND),
    existing("SSM:StartSession", "opens a shell on an instance with the role", compute::START_SESSION),
    existing(
        "ModifyInstanceAttribute",
        "plants a start-up script on an instance with the role",
        compute::USER_DATA,
    ),
    existing(
        "StartBuild",
        "starts a build with own commands in a project that runs as the role",
        compute::START_BUILD,
    ),
    existing(
        "CreatePresignedNotebookInstanceUrl",
        "opens a notebook that runs as the role",
        compute::NOTEBOOK,
    ),
    existing(
        "ECS:ExecuteCommand",
        "runs a command in a task that runs as the role",
        compute::EXECUTE_COMMAND,
    ),
    existing("UpdateJob", "replaces the script of a job that runs as the role", compute::GLUE_JOB),
    existing(
        "UpdateDevEndpoint",
        "adds a key to a development endpoint that runs as the role",
        compute::GLUE_ENDPOINT,
    ),
    existing("UpdateStack", "changes the template of a stack that has the role", compute::STACK),
    existing("UpdateStateMachine", "changes a state machine that has the role", compute::STATE_MACHINE),
    existing(
        "AppRunner:UpdateService",
        "changes the image of a service that runs as the role",
        compute::APP_RUNNER,
    ),
    Method {
        name: "CreateUser",
        summary: "makes a new user with full rights and credentials for it",
        apply: Apply::Fresh(fresh::user),
    },
    Method {
        name: "CreateRole",
        summary: "makes a new role with full rights that trusts the actor",
        apply: Apply::Fresh(fresh::role),
    },
];

impl std::fmt::Debug for Method {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Method").field("name", &self.name).finish_non_exhaustive()
    }
}

const fn change(
    name: &'static str,
    summary: &'static str,
    apply: fn(&mut World<'_>, ActorId, ActorId) -> Vec<ChangeEdge>,
) -> Method {
    Method { name, summary, apply: Apply::Change(apply) }
}

const fn gain(
    name: &'static str,
    summary: &'static str,
    apply: fn(&mut World<'_>, ActorId, Option<usize>) -> Vec<GainEdge>,
) -> Method {
    Method { name, summary, apply: Apply::Gain(apply) }
}

const fn pass(name: &'static str, summary: &'static str, pass: Pass) -> Method {
    Method { name, summary, apply: Apply::Pass(pass) }
}

const fn existing(name: &'static str, summary: &'static str, existing: compute::Existing) -> Method {
    Method { name, summary, apply: Apply::Existing(existing) }
}
