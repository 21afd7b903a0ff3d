//! Everything that enters the console, and everything it asks the world to do.
//!
//! ```text
//!   keys, clock, manager ──▶ Msg ──▶ update(&mut Model) ──▶ Effect ──▶ manager, clipboard, terminal
//!            ▲                                                             │
//!            └───────────────────────── Msg (a reply) ─────────────────────┘
//! ```

use crossterm::event::KeyEvent;

use super::data::{Tab, TabData};
use crate::{
    contract::{
        intent::{self, Choose, PatchSavepoint},
        model::{Artifact, Operation, Savepoint},
        plan::{Plan, Submitted},
        problem::Problem,
        watch::{Detail, Interest, Row, Snapshot, WatchMessage},
    },
    domain::{operation::Kind, time::Timestamp},
};

/// Names one card or form, so that a late answer finds its asker or nobody.
pub type AskId = u64;

/// Something happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// The clock; a second has begun.
    Tick(Timestamp),
    /// A whole window arrived.
    Snapshot(Box<Snapshot>),
    /// The stream of changes said something.
    Watch(WatchMessage),
    /// The manager does not answer; the next try is at this time.
    Lost {
        /// What the last request ran into.
        problem: Box<Problem>,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// An answer.
    Reply(Reply),
    /// A wake-up that was asked for.
    Wake(Wake),
    /// The program was asked to end (SIGTERM, SIGHUP).
    Stop,
    /// The screen is of no use any more: draw it anew.
    Repaint,
}

/// An answer of the manager, or of the machine around the console.
#[derive(Debug, Clone)]
pub enum Reply {
    /// One deployment in full.
    Detail(String, Result<Box<Detail>, Box<Problem>>),
    /// Rows of an application.
    Rows(String, Result<Vec<Row>, Box<Problem>>),
    /// Whether the manager follows what is looked at.
    Interest(Result<(), Box<Problem>>),
    /// The content of a tab.
    Tab(String, Tab, Result<TabData, Box<Problem>>),
    /// Operations, newest first.
    Operations(Result<Vec<Operation>, Box<Problem>>),
    /// The last operations of one deployment.
    History(String, Result<Vec<Operation>, Box<Problem>>),
    /// One operation.
    Operation(String, Result<Box<Operation>, Box<Problem>>),
    /// Artifacts, newest first.
    Artifacts(Result<Vec<Artifact>, Box<Problem>>),
    /// What an act would do.
    Plan(AskId, u64, Result<Box<Plan>, Box<Problem>>),
    /// What became of a confirmed act.
    Submitted(AskId, Result<Submitted, Box<Problem>>),
    /// What became of a choice.
    Chosen(String, Result<Box<Operation>, Box<Problem>>),
    /// A savepoint after its pin or label changed.
    Patched(Result<Box<Savepoint>, Box<Problem>>),
    /// Progress of an upload, in bytes.
    Uploading(AskId, u64, u64),
    /// An upload ended.
    Uploaded(AskId, Result<Box<Artifact>, Box<Problem>>),
    /// Text came back from the editor; `None` = it could not be run, with the reason.
    Edited(AskId, Result<String, String>),
    /// Something was copied, or could not be; words for the toast.
    Copied(String),
}

/// A wake-up that the model asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// Edits of a card or form have settled.
    Settled(AskId, u64),
    /// Send a confirmed act again under the same key.
    Resend(AskId),
    /// A plan has stood on the screen long enough to be confirmed.
    Read(AskId),
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Take a new window now, and follow the changes from there.
    LoadSnapshot,
    /// Rows of an application that the window left out.
    LoadRows(String),
    /// One deployment in full.
    LoadDetail(String),
    /// The content of a tab.
    LoadTab(String, Tab),
    /// Every operation at work, and the newest of the rest.
    LoadOperations,
    /// The last operations of one deployment.
    LoadHistory(String),
    /// One operation.
    LoadOperation(String),
    /// Known artifacts.
    LoadArtifacts,
    /// Say what is looked at.
    SetInterest(Interest),
    /// What would this do? The number tells answers of older questions apart.
    DryRun(AskId, u64, Box<Request>),
    /// Do it.
    Submit(AskId, Box<Request>, String),
    /// Take a way out of a waiting operation.
    Choose {
        /// Which operation.
        operation: String,
        /// Which way.
        body: Choose,
        /// Idempotency key.
        key: String,
    },
    /// Change a savepoint's pin or label.
    Patch {
        /// Which savepoint.
        savepoint: String,
        /// The new pin or label; what is `None` stays.
        body: PatchSavepoint,
        /// Idempotency key.
        key: String,
    },
    /// Put a file into the artifact store.
    Upload(AskId, String),
    /// Edit a text in the person's editor.
    Edit(AskId, String),
    /// Put a text into the clipboard.
    Copy(String),
    /// Say this after that many milliseconds.
    Wake(u64, Wake),
    /// Hand the terminal to the shell.
    Sleep,
    /// Draw the whole screen anew.
    Repaint,
    /// Give the terminal back and end the program.
    Quit,
}

/// A changing request: what, on what, with which body.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Run the job of a deployment.
    Start(String, intent::Start),
    /// Stop it with a savepoint.
    Suspend(String, intent::Suspend),
    /// Stop it without.
    Cancel(String, intent::Cancel),
    /// Take a savepoint.
    Savepoint(String, intent::TakeSavepoint),
    /// Stop with a savepoint, run again.
    Restart(String, intent::Restart),
    /// Change and go on.
    Upgrade(String, Box<intent::Upgrade>),
    /// A new deployment.
    Fork(String, intent::Fork),
    /// Choose the next restore point.
    Reset(String, intent::Reset),
    /// An earlier revision.
    Rollback(String, intent::Rollback),
    /// Adopt a job of a target: target, Flink's id.
    Adopt(String, String, intent::Adopt),
    /// Delete files: the deployment, its savepoint.
    Dispose(String, String, intent::DisposeSavepoint),
    /// Take a deployment out of the books.
    Delete(String, intent::DeleteDeployment),
    /// Enter a savepoint by its location.
    Import(intent::ImportSavepoint),
}

impl Request {
    /// Which kind of operation it becomes.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Start(..) => Kind::Start,
            Self::Suspend(..) => Kind::Suspend,
            Self::Cancel(..) => Kind::Cancel,
            Self::Savepoint(..) => Kind::Savepoint,
            Self::Restart(..) => Kind::Restart,
            Self::Upgrade(..) => Kind::Upgrade,
            Self::Fork(..) => Kind::Fork,
            Self::Reset(..) => Kind::Reset,
            Self::Rollback(..) => Kind::Rollback,
            Self::Adopt(..) => Kind::Adopt,
            Self::Dispose(..) => Kind::Dispose,
            Self::Delete(..) => Kind::Delete,
            Self::Import(..) => Kind::Import,
        }
    }

    /// What it acts on, for titles: `APP/NAME`, or the job's id.
    #[must_use]
    pub fn subject(&self) -> &str {
        match self {
            Self::Start(d, _)
            | Self::Suspend(d, _)
            | Self::Cancel(d, _)
            | Self::Savepoint(d, _)
            | Self::Restart(d, _)
            | Self::Upgrade(d, _)
            | Self::Fork(d, _)
            | Self::Reset(d, _)
            | Self::Rollback(d, _)
            | Self::Delete(d, _)
            | Self::Dispose(d, ..) => d,
            Self::Import(b) => &b.deployment,
            Self::Adopt(_, job, _) => job,
        }
    }

    /// Reason, expected plan and confirmation.
    pub const fn meta_mut(&mut self) -> &mut intent::Meta {
        match self {
            Self::Start(_, b) => &mut b.meta,
            Self::Suspend(_, b) => &mut b.meta,
            Self::Cancel(_, b) => &mut b.meta,
            Self::Savepoint(_, b) => &mut b.meta,
            Self::Restart(_, b) => &mut b.meta,
            Self::Upgrade(_, b) => &mut b.meta,
            Self::Fork(_, b) => &mut b.meta,
            Self::Reset(_, b) => &mut b.meta,
            Self::Rollback(_, b) => &mut b.meta,
            Self::Adopt(_, _, b) => &mut b.meta,
            Self::Dispose(_, _, b) => &mut b.meta,
            Self::Delete(_, b) => &mut b.meta,
            Self::Import(b) => &mut b.meta,
        }
    }
}
