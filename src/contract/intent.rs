//! Requests: each verb has one struct, the same for the route's body, the command line and the console.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{operation::ChoiceId, operation::Kind, savepoint::Format, spec::UpgradeStrategy};

/// What every confirmed act carries besides its own fields.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Meta {
    /// Why, in a person's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Digest of the plan that was confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// The person said yes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub yes: bool,
    /// The name that the person typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

macro_rules! request {
    ($(#[$m:meta])* $name:ident { $($(#[$fm:meta])* $f:ident : $t:ty),* $(,)? }) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$fm])* pub $f: $t,)*
            /// Reason, confirmed plan, confirmation.
            pub meta: Meta,
        }
    };
}

request!(
    /// Run the deployment's job.
    Start {
        /// A savepoint's id or location, `latest` or `none`; default: the restore strategy.
        from: Option<String>,
        /// State that maps to no operator may be dropped.
        allow_non_restored_state: bool,
    }
);
request!(
    /// Stop with a savepoint.
    Suspend {
        /// Binary format.
        format: Option<Format>,
        /// Let windows fire first; such a savepoint is passed over by the restore advisor.
        drain: bool,
    }
);
request!(
    /// Stop without a savepoint.
    Cancel {
        /// Supersede the active operation: no further step of it is sent.
        supersede: bool,
    }
);
request!(
    /// Take a savepoint.
    TakeSavepoint {
        /// Binary format.
        format: Option<Format>,
        /// A person's words.
        label: Option<String>,
        /// Base directory, instead of the deployment's.
        directory: Option<String>,
    }
);
request!(
    /// Stop with a savepoint and run the same revision again.
    Restart {
        /// A savepoint's id or location, or `last-checkpoint`, for a job that cannot be stopped.
        from: Option<String>,
    }
);
request!(
    /// Change the deployment and run it on with its state.
    Upgrade {
        /// An artifact's hash, a unique part of it, or its name.
        artifact: Option<String>,
        /// A person's word for the version.
        version_label: Option<String>,
        /// Main class.
        entry_class: Option<String>,
        /// Program arguments; replace the old ones.
        args: Option<Vec<String>>,
        /// Parallelism.
        parallelism: Option<u32>,
        /// Flink configuration, merged per key; `null` removes.
        #[schema(value_type = std::collections::HashMap<String, Option<String>>)]
        flink_configuration: IndexMap<String, Option<String>>,
        /// Other values of the deployment layer by path.
        #[schema(value_type = std::collections::HashMap<String, Object>)]
        set: IndexMap<String, Value>,
        /// One-shot strategy.
        upgrade_strategy: Option<UpgradeStrategy>,
        /// Binary format of the savepoint.
        format: Option<Format>,
        /// State that maps to no operator may be dropped.
        allow_non_restored_state: bool,
        /// A savepoint's id or location, or `last-checkpoint`.
        from: Option<String>,
    }
);
request!(
    /// A new deployment from this one's state.
    Fork {
        /// `APP/NAME` of the new deployment.
        new_deployment: String,
        /// Where; default: the same target.
        target: Option<String>,
        /// A savepoint's id or location, `new`, `latest` or `none`; default: `new` where a job runs, else `latest`.
        from: Option<String>,
        /// Values of the new deployment layer by path.
        #[schema(value_type = std::collections::HashMap<String, Object>)]
        set: IndexMap<String, Value>,
        /// Start it at once.
        start: bool,
    }
);
request!(
    /// Make a chosen savepoint the next restore point.
    Reset {
        /// A savepoint's id or location.
        savepoint: String,
        /// Cancel a live job first and start from the savepoint, acknowledged.
        cancel_and_start: bool,
    }
);
request!(
    /// Run an earlier revision.
    Rollback {
        /// Its number; default: the previous one.
        revision: Option<u32>,
        /// A savepoint's id or location, or `last-checkpoint`.
        from: Option<String>,
        /// State that maps to no operator may be dropped.
        allow_non_restored_state: bool,
    }
);
request!(
    /// Take over a job that somebody started.
    Adopt {
        /// `APP/NAME` of the new deployment.
        deployment: String,
        /// Take over a job of another nutkin.
        take_over: bool,
    }
);
request!(
    /// Enter a savepoint by its location.
    ImportSavepoint {
        /// `APP/NAME`.
        deployment: String,
        /// Its place.
        location: String,
        /// A person's words.
        label: Option<String>,
    }
);
request!(
    /// Delete a savepoint's files.
    DisposeSavepoint {}
);
request!(
    /// Remove a deployment; files stay.
    DeleteDeployment {}
);

/// Change a savepoint's pin or label.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PatchSavepoint {
    /// Pin or unpin.
    pub pinned: Option<bool>,
    /// A person's words.
    pub label: Option<String>,
}

/// Resolve a waiting operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Choose {
    /// One of the operation's choices.
    pub choice: ChoiceId,
    /// The snapshot's place, where the choice needs it.
    #[serde(default)]
    pub location: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// One document of a manifest, as parsed; `jar:` paths are already artifacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// `nutkin/v1`.
    pub api_version: String,
    /// `Target`, `Application` or `Deployment`.
    pub kind: String,
    /// Name, application, labels.
    pub metadata: Metadata,
    /// Its layer.
    #[schema(value_type = Object)]
    pub spec: Value,
}

impl Document {
    /// `APP/NAME` of a deployment, the name of everything else.
    #[must_use]
    pub fn full_name(&self) -> String {
        match (&self.metadata.application, self.kind.as_str()) {
            (Some(app), "Deployment") => format!("{app}/{}", self.metadata.name),
            _ => self.metadata.name.clone(),
        }
    }
}

/// Who a document is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Of a deployment: its application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Of an application: its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub labels: IndexMap<String, String>,
}

/// Create or update several objects.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Apply {
    /// The documents, in any order.
    pub documents: Vec<Document>,
    /// The manifest's `state` wins over a person's later action.
    pub force_state: bool,
    /// Values that verbs have set since the last apply are overwritten.
    pub force: bool,
    /// Reason, confirmation.
    pub meta: Meta,
    /// Digests of the plans that were confirmed, by deployment (`APP/NAME`).
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub expect: IndexMap<String, String>,
    /// Deployments whose names the person typed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confirm: Vec<String>,
}

impl Apply {
    /// What the person confirmed of one deployment.
    #[must_use]
    pub fn meta_of(&self, name: &str) -> Meta {
        let typed = self.confirm.iter().find(|c| *c == name).cloned();
        Meta {
            expect: self.expect.get(name).cloned().or_else(|| self.meta.expect.clone()),
            confirm: typed.or_else(|| self.meta.confirm.clone()),
            ..self.meta.clone()
        }
    }
}

crate::words!(closed
    /// What applying a document does.
    ApplyAction {
        /// It is new.
        Create = "create",
        /// Its layer changes.
        Update = "update",
        /// Nothing changes.
        Unchanged = "unchanged",
        /// It cannot be applied; see the problem.
        Refused = "refused",
    }
);

/// What applying one document does or did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// `Target`, `Application` or `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub action: ApplyAction,
    /// What changes in its own layer.
    pub diff: Vec<crate::domain::spec::Difference>,
    /// The operation that follows, as a kind.
    pub operation_kind: Option<Kind>,
    /// The operation that was started.
    pub operation_id: Option<String>,
    /// What the person should know.
    pub warnings: Vec<String>,
    /// Of a dry run: the plan of the operation that would follow; its digest goes back in `expect`.
    #[serde(default)]
    pub plan: Option<Box<super::plan::Plan>>,
    /// Why it was refused, when it was.
    pub problem: Option<super::problem::Problem>,
}

/// One verb with its request. Every face speaks this, and nothing else changes a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", content = "request", rename_all = "camelCase")]
pub enum Verb {
    /// Run the job.
    Start(Start),
    /// Stop with a savepoint.
    Suspend(Suspend),
    /// Stop without one.
    Cancel(Cancel),
    /// Take a savepoint.
    Savepoint(TakeSavepoint),
    /// The same revision again.
    Restart(Restart),
    /// A new revision with the state.
    Upgrade(Box<Upgrade>),
    /// An earlier revision.
    Rollback(Rollback),
    /// A new deployment from this one's state.
    Fork(Fork),
    /// Choose the next restore point.
    Reset(Reset),
    /// Remove the deployment.
    Delete(DeleteDeployment),
}

impl Verb {
    /// The operation kind it becomes.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Start(_) => Kind::Start,
            Self::Suspend(_) => Kind::Suspend,
            Self::Cancel(_) => Kind::Cancel,
            Self::Savepoint(_) => Kind::Savepoint,
            Self::Restart(_) => Kind::Restart,
            Self::Upgrade(_) => Kind::Upgrade,
            Self::Rollback(_) => Kind::Rollback,
            Self::Fork(_) => Kind::Fork,
            Self::Reset(_) => Kind::Reset,
            Self::Delete(_) => Kind::Delete,
        }
    }

    /// Reason, confirmed plan, confirmation.
    #[must_use]
    pub const fn meta(&self) -> &Meta {
        match self {
            Self::Start(r) => &r.meta,
            Self::Suspend(r) => &r.meta,
            Self::Cancel(r) => &r.meta,
            Self::Savepoint(r) => &r.meta,
            Self::Restart(r) => &r.meta,
            Self::Upgrade(r) => &r.meta,
            Self::Rollback(r) => &r.meta,
            Self::Fork(r) => &r.meta,
            Self::Reset(r) => &r.meta,
            Self::Delete(r) => &r.meta,
        }
    }
}

/// What is to be done to which object.
#[derive(Debug, Clone, PartialEq)]
pub enum Intent {
    /// A verb on a deployment.
    Deployment {
        /// `APP/NAME`.
        name: crate::domain::ids::DeploymentName,
        /// What.
        verb: Verb,
    },
    /// Adopt a job of a target.
    Adopt {
        /// The target.
        target: String,
        /// Flink's id of the job.
        flink_job: crate::domain::ids::FlinkJobId,
        /// The request.
        request: Adopt,
    },
    /// Enter a savepoint.
    Import(ImportSavepoint),
    /// Delete a savepoint's files.
    Dispose {
        /// Which.
        savepoint: String,
        /// The request.
        request: DisposeSavepoint,
    },
}
