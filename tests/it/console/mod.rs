//! The console: screens, key flows, hostile text, the terminal itself.

mod canned;
mod cards;
mod flows;
mod home;
mod hostile;
mod keys;
mod night;
mod pty;
mod screen;
mod support;
mod svg;
mod terminal;
mod world;
