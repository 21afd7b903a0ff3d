//! Whatever Flink or a person wrote: no control character, no invisible one, reaches a cell.

use nutkin::{
    contract::watch::WatchMessage,
    domain::operation::{Kind, OpState},
    faces::tui::{
        data::{Tab, TabData},
        msg::{Effect, Msg, Reply},
        overlay::{Overlay, operation::OperationCard},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    support::{Console, problem},
    world,
};

/// Cursor moves, titles, clipboard, C1, direction, zero width, tags, tabs, line ends, very long, wide.
const CORPUS: &[&str] = &[
    "\u{1b}[2J\u{1b}[31mowned",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;aGk=\u{7}",
    "\u{9b}31m\u{90}x\u{9c}",
    "abc\u{202e}fed\u{2066}x",
    "zero\u{200b}width\u{200d}\u{feff}",
    "tag\u{e0041}\u{e0042}",
    "a\tb\r\nc\u{0}d\u{7f}\u{8}",
    "👩‍👩‍👧 日本語 e\u{301}",
];

/// Puts text into every string of a value, names and the keys of maps included; only words of closed tables stay.
fn poison<T: Serialize + DeserializeOwned>(value: &T, text: &str) -> T {
    let mut json = serde_json::to_value(value).unwrap();
    walk(&mut json, "", text);
    serde_json::from_value(json).unwrap()
}

/// Fields whose values are words of a closed table.
const KEPT: &[&str] = &[
    "observed",
    "desired",
    "health",
    "origin",
    "status",
    "format",
    "protection",
    "kind",
    "state",
    "severity",
    "via",
    "confirmation",
    "verdict",
    "id",
    "type",
];

/// Maps whose keys are written by Flink or by a person.
const MAPS: &[&str] = &["labels", "flinkConfiguration", "details", "provenance"];

fn walk(v: &mut Value, key: &str, text: &str) {
    match v {
        Value::String(s) => {
            let time = s.len() == 24 && s.ends_with('Z');
            if !time && !KEPT.contains(&key) {
                // Part by part, so that what belongs together still does.
                let parts: Vec<String> = s.split('/').map(|p| format!("{text}{p}{text}")).collect();
                *s = parts.join("/");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|i| walk(i, key, text)),
        Value::Object(map) => {
            // A step's name is a word of a table, everybody else's is not.
            let step = map.contains_key("n");
            for (k, v) in map.iter_mut().filter(|(k, _)| !(step && *k == "name") && key != "provenance") {
                walk(v, k, text);
            }
            if MAPS.contains(&key) {
                *map =
                    std::mem::take(map).into_iter().map(|(k, v)| (format!("{text}{k}{text}"), v)).collect();
            }
        }
        _ => {}
    }
}

#[track_caller]
fn clean(c: &Console, what: &str) {
    for cell in &c.buffer().content {
        for ch in cell.symbol().chars() {
            let invisible = matches!(u32::from(ch), 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe0000..=0xe0fff | 0x7f..=0x9f);
            assert!(!ch.is_control() && !invisible, "{what}: {:?}", cell.symbol());
        }
    }
}

/// A console on a poisoned world; what it asks for is answered with poison.
fn poisoned(text: &str, size: (u16, u16)) -> Console {
    let mut c = Console::with(poison(&world::snapshot(), text), "dark", size);
    settle(&mut c, text);
    c
}

fn settle(c: &mut Console, text: &str) {
    while let Some(e) = c.take(|e| matches!(e, Effect::LoadDetail(_) | Effect::LoadTab(..))) {
        match e {
            Effect::LoadDetail(name) => {
                let mut d = poison(&world::detail(), text);
                d.deployment.deployment.clone_from(&name);
                c.reply(Reply::Detail(name, Ok(Box::new(d))));
            }
            Effect::LoadTab(name, tab) => {
                let data = match tab {
                    Tab::Jobs => TabData::Jobs(poison(&world::jobs(), text)),
                    Tab::Config => TabData::Config(poison(&world::revisions(), text)),
                    _ => TabData::Events(poison(&world::events(), text)),
                };
                c.reply(Reply::Tab(name, tab, Ok(data)));
            }
            _ => {}
        }
    }
}

#[test]
fn no_text_reaches_the_screen_as_it_came() {
    for text in CORPUS {
        for size in [(120, 36), (80, 24), (60, 20), (170, 40)] {
            let mut c = poisoned(text, size);
            clean(&c, text);
            assert!(c.model.home.deployment().is_some(), "the names still belong together");
            // Every tab, with a sheet of what is selected there; then every pane alone.
            c.press("0");
            for _ in 0..5 {
                c.press("]");
                settle(&mut c, text);
                clean(&c, text);
                c.press("enter");
                clean(&c, text);
                c.model.overlays.clear();
            }
            for pane in ["1", "2", "3", "4"] {
                c.press(pane).press("z");
                clean(&c, text);
                c.press("z");
            }
            let waits = poison(&world::waiting(), text);
            c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(waits.clone()) }));
            clean(&c, text);
            c.press("o");
            clean(&c, text);
            c.press("esc q");
            clean(&c, text);
            c.model.overlays.clear();
            c.model.overlays.push(Overlay::Operation(OperationCard::new(waits.operation_id)));
            clean(&c, text);
            c.model.overlays.clear();
            c.press("1 home 2 x").plan(poison(&world::plan(Kind::Upgrade), text));
            clean(&c, text);
            c.send(Msg::Paste((*text).to_owned()));
            c.press("tab tab");
            c.send(Msg::Paste((*text).to_owned()));
            clean(&c, text);
            c.model.overlays.clear();
            c.send(Msg::Lost {
                problem: problem(nutkin::contract::problem::Code::ManagerUnreachable, text),
                retry_at: world::now(),
            });
            clean(&c, text);
        }
    }
}

/// Lists that values are picked from, the form, and a job that somebody else has named.
#[test]
fn neither_does_it_through_lists_and_fields() {
    for text in CORPUS {
        for size in [(120, 36), (80, 24)] {
            for keys in ["2 f", "2 b", "3 D", "3 R", "3 i"] {
                let mut c = poisoned(text, size);
                c.press(keys);
                settle(&mut c, text);
                clean(&c, text);
                c.press("ctrl-o");
                clean(&c, text);
            }
            let mut c = poisoned(text, size);
            c.press("2 u");
            settle(&mut c, text);
            c.reply(Reply::Artifacts(Ok(poison(&world::artifacts(), text))));
            clean(&c, text);
            c.press("ctrl-o");
            clean(&c, text);
            c.press("enter");
            clean(&c, text);
            let mut c = poisoned(text, size);
            c.press("1 end");
            let job = c.model.home.job(&c.model.data).expect("the unmanaged job");
            assert!(job.name.contains(text), "the job's name is poisoned, too");
            clean(&c, text);
            c.press("a");
            clean(&c, text);
            c.plan(poison(&world::plan(Kind::Adopt), text));
            clean(&c, text);
            c.press("y");
            clean(&c, text);
        }
    }
}

#[test]
fn the_form_keeps_hostile_configuration_off_the_screen_and_sends_none_of_it() {
    for text in CORPUS {
        let mut c = Console::new((120, 36));
        c.settle().press("u");
        let mut revisions = world::revisions();
        let conf = revisions[0].spec["flinkConfiguration"].as_object_mut().unwrap();
        conf.insert("hostile".into(), Value::String((*text).to_owned()));
        c.effects.clear();
        c.reply(Reply::Tab(world::PROD.into(), Tab::Config, Ok(TabData::Config(revisions))));
        clean(&c, text);
        let Some(Overlay::Form(form)) = c.model.overlays.last() else { panic!() };
        let Ok(nutkin::faces::tui::msg::Request::Upgrade(_, body)) = form.request() else { panic!() };
        assert!(body.flink_configuration.is_empty(), "{:?}", body.flink_configuration);
    }
}

#[test]
fn a_long_name_is_cut_with_a_mark() {
    let mut s = world::snapshot();
    s.applications[0].title = "x".repeat(100_000);
    let mut op = world::operation(OpState::Running);
    op.reason = Some("y ".repeat(100_000));
    let mut c = Console::with(s, "dark", (120, 36));
    c.settle();
    c.shows("x…");
    c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(op.clone()) }));
    c.model.overlays.push(Overlay::Operation(OperationCard::new(op.operation_id)));
    c.buffer();
}
