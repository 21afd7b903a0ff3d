//! Whatever Flink or a person wrote: no control character, no invisible one, reaches a cell.

use nutkin::{
    contract::watch::WatchMessage,
    domain::operation::{Kind, OpState},
    faces::tui::{
        msg::{Msg, Reply},
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

/// Puts text into every string of a value; enums and ids that must be known stay.
fn poison<T: Serialize + DeserializeOwned>(value: &T, text: &str) -> T {
    let mut json = serde_json::to_value(value).unwrap();
    walk(&mut json, "", text);
    serde_json::from_value(json).unwrap()
}

/// Keys whose values are words of a closed table, times, or names that tie things together.
const KEPT: &[&str] = &[
    "at",
    "now",
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
    "name",
    "confirmation",
    "verdict",
    "id",
    "type",
    "layer",
    "deployment",
    "application",
    "target",
    "flinkJobId",
    "savepointId",
    "operationId",
    "jobId",
    "savepointAccess",
    "operation",
    "applications",
    "deployments",
];

fn walk(v: &mut Value, key: &str, text: &str) {
    match v {
        Value::String(s) => {
            let time = s.len() == 24 && s.ends_with('Z');
            if !time && !KEPT.contains(&key) {
                *s = format!("{text}{s}{text}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|i| walk(i, key, text)),
        Value::Object(map) => map.iter_mut().for_each(|(k, v)| {
            // Words of provenance are layers.
            if k != "provenance" {
                walk(v, k, text);
            }
        }),
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

#[test]
fn no_text_reaches_the_screen_as_it_came() {
    for text in CORPUS {
        for size in [(120, 36), (80, 24), (60, 20), (170, 40)] {
            let mut c = Console::with(poison(&world::snapshot(), text), "dark", size);
            clean(&c, text);
            for _ in 0..5 {
                c.settle();
                c.press("]");
                clean(&c, text);
            }
            c.send(Msg::Watch(WatchMessage::Operation {
                operation: Box::new(poison(&world::waiting(), text)),
            }));
            clean(&c, text);
            c.model.overlays.push(Overlay::Operation(OperationCard::new(world::waiting().operation_id)));
            clean(&c, text);
            c.press("esc x").plan(poison(&world::plan(Kind::Upgrade), text));
            clean(&c, text);
            c.send(Msg::Paste((*text).to_owned()));
            c.press("tab tab");
            c.send(Msg::Paste((*text).to_owned()));
            clean(&c, text);
            c.press("esc esc");
            c.model.overlays.clear();
            c.send(Msg::Lost {
                problem: problem(nutkin::contract::problem::Code::ManagerUnreachable, text),
                retry_at: world::now(),
            });
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
        c.reply(Reply::Tab(
            world::PROD.into(),
            nutkin::faces::tui::data::Tab::Config,
            Ok(nutkin::faces::tui::data::TabData::Config(revisions)),
        ));
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
