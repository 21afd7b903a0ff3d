//! SIGKILL of a manager that is a process of its own: nothing lost, nothing done twice, nothing guessed.
//!
//! ```text
//!   set up ─▶ arm ─▶ submit ─▶ SIGKILL ─▶ start again, unarmed ─▶ no operation at work ─▶ goal, oracle
//! ```

mod goal;
mod house;
mod matrix;
mod plays;
pub mod proxy;
mod real;
mod scene;
mod start;
