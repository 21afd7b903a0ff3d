//! The command line against a scripted API, and against the manager that it starts.

mod address;
mod api;
mod apply;
mod demo;
mod get;
mod manager;
mod models;
mod parity;
mod past;
mod program;
mod screen;
mod settings;
mod shell;
mod terminal;
mod usage;
mod verbs;
mod wait;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use self::{
    api::{Api, Reply},
    models::{OPERATION, list, operation, plan, problem, savepoint, target},
    program::{DEADLINE, Home, NUTKIN, Staying, command, ran},
    screen::Screen,
};
