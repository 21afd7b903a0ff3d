//! Every card, at the sizes people have.

use nutkin::{
    contract::{plan::Verdict, watch::WatchMessage},
    domain::operation::{Kind, OpState},
    faces::tui::{
        msg::{Msg, Reply},
        overlay::{Overlay, operation::OperationCard},
    },
};

use super::{support::Console, svg, world};

/// The keys that open a verb's card on production, and its kind.
const VERBS: &[(&str, &str, Kind)] = &[
    ("start", "s", Kind::Start),
    ("suspend", "p", Kind::Suspend),
    ("restart", "r", Kind::Restart),
    ("cancel", "x", Kind::Cancel),
    ("savepoint", "v", Kind::Savepoint),
    ("rollback", "b", Kind::Rollback),
    ("fork", "f", Kind::Fork),
    ("reset", "3 R", Kind::Reset),
    ("dispose", "3 D", Kind::Dispose),
    ("adopt", "1 down down a", Kind::Adopt),
    ("import", "3 i", Kind::Import),
    ("delete", "D", Kind::Delete),
];

/// The keys that show one thing in full.
const SHEETS: &[(&str, &str)] = &[
    ("event", "4 G up up up enter"),
    ("savepoint", "3 enter"),
    ("job", "0 ] ] enter"),
    ("value", "0 ] ] ] ] down enter"),
];

/// A console with the card of a verb open and its plan read.
fn opened(keys: &str, kind: Kind, size: (u16, u16)) -> Console {
    let mut snapshot = world::snapshot();
    if matches!(kind, Kind::Start | Kind::Delete) {
        snapshot.rows[0].observed = nutkin::domain::deployment::Observed::Suspended;
    }
    let mut c = Console::with(snapshot, "dark", size);
    c.settle().press(keys);
    if kind == Kind::Fork {
        c.type_text("payments-dashboard/canary").rest();
    }
    if kind == Kind::Import {
        c.type_text("s3://bucket/savepoints/of-old/savepoint-4d5e6f").rest();
    }
    c.plan(world::plan(kind));
    c
}

fn form(size: (u16, u16)) -> Console {
    let mut c = Console::new(size);
    c.settle().press("u").settle();
    c.type_text("c0ffee").rest().plan(world::plan(Kind::Upgrade));
    c
}

fn operation(state: OpState, size: (u16, u16)) -> Console {
    let mut c = Console::new(size);
    let op = match state {
        OpState::NeedsAttention => world::waiting(),
        OpState::Failed | OpState::RolledBack => world::ended(state),
        state => world::operation(state),
    };
    c.settle();
    c.send(Msg::Watch(WatchMessage::Operation { operation: Box::new(op.clone()) }));
    c.model.toasts.clear();
    c.model.overlays.push(Overlay::Operation(OperationCard::new(op.operation_id)));
    c
}

#[test]
fn every_card_at_two_sizes() {
    for (w, h) in [(80, 24), (120, 36)] {
        for (name, keys, kind) in VERBS {
            let c = opened(keys, *kind, (w, h));
            insta::assert_snapshot!(format!("card_{name}_{w}x{h}"), c.styled());
        }
        insta::assert_snapshot!(format!("form_upgrade_{w}x{h}"), form((w, h)).styled());
        let mut c = form((w, h));
        c.press("ctrl-s").plan(world::plan(Kind::Upgrade));
        insta::assert_snapshot!(format!("card_upgrade_{w}x{h}"), c.styled());
        insta::assert_snapshot!(
            format!("operation_running_{w}x{h}"),
            operation(OpState::Running, (w, h)).styled()
        );
        insta::assert_snapshot!(
            format!("operation_waiting_{w}x{h}"),
            operation(OpState::NeedsAttention, (w, h)).styled()
        );
        for (name, state) in [("failed", OpState::Failed), ("undone", OpState::RolledBack)] {
            insta::assert_snapshot!(format!("operation_{name}_{w}x{h}"), operation(state, (w, h)).styled());
        }
        for (name, keys) in SHEETS {
            let mut c = Console::new((w, h));
            for key in keys.split(' ') {
                c.settle().press(key);
            }
            insta::assert_snapshot!(format!("sheet_{name}_{w}x{h}"), c.styled());
        }
        let mut c = opened("f", Kind::Fork, (w, h));
        c.press("ctrl-o");
        insta::assert_snapshot!(format!("picker_from_{w}x{h}"), c.styled());
        let mut c = Console::new((w, h));
        c.settle().press("u").settle();
        c.press("ctrl-o");
        insta::assert_snapshot!(format!("picker_artifact_{w}x{h}"), c.styled());
        let mut c = Console::new((w, h));
        c.settle().press("?");
        insta::assert_snapshot!(format!("help_{w}x{h}"), c.styled());
        let mut c = Console::new((w, h));
        c.settle();
        c.send(Msg::Watch(WatchMessage::Operation {
            operation: Box::new(world::operation(OpState::Running)),
        }));
        c.press("q");
        insta::assert_snapshot!(format!("leave_{w}x{h}"), c.styled());
        let mut c = Console::new((w, h));
        c.settle().press("o");
        c.reply(Reply::Operations(Ok(vec![world::operation(OpState::Running), world::waiting()])));
        insta::assert_snapshot!(format!("operations_{w}x{h}"), c.styled());
    }
}

#[test]
fn a_card_that_cannot_run_says_what_stands_in_the_way() {
    let mut plan = world::plan(Kind::Suspend);
    plan.runnable = false;
    plan.checks[1].verdict = Verdict::Failed;
    plan.checks[1].message = "8 needed, 4 free".into();
    let mut c = Console::new((120, 36));
    c.settle().press("p").plan(plan);
    insta::assert_snapshot!("card_not_runnable_120x36", c.screen());
    c.press("y");
    assert!(c.effects.is_empty(), "{:?}", c.effects);
}

/// Writes pictures of what the tests see, to be looked at: `cargo test --test it pictures -- --ignored`.
#[test]
#[ignore = "writes pictures below target/pictures"]
fn pictures() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&folder).unwrap();
    let save = |name: &str, c: &Console, light: bool| {
        let palette = if light { svg::LIGHT } else { svg::DARK };
        std::fs::write(folder.join(format!("{name}.svg")), svg::svg(&c.buffer(), &palette)).unwrap();
    };
    for (theme, light) in [("dark", false), ("light", true), ("mono", false)] {
        let mut c = Console::with(world::snapshot(), theme, (120, 36));
        c.settle().press("2");
        save(&format!("home-{theme}"), &c, light);
    }
    let mut c = Console::new((80, 24));
    c.settle();
    save("home-80", &c, false);
    let mut c = Console::new((170, 44));
    c.settle();
    save("home-170", &c, false);
    for (name, keys, kind) in VERBS {
        save(&format!("card-{name}"), &opened(keys, *kind, (120, 36)), false);
    }
    save("form", &form((120, 36)), false);
    save("form-80", &form((80, 24)), false);
    save("operation", &operation(OpState::NeedsAttention, (120, 36)), false);
    let mut c = Console::new((120, 36));
    c.settle().press("?");
    save("help", &c, false);
    let mut c = Console::new((120, 36));
    c.settle().press("0 ] ] ]").settle();
    save("tab-savepoints", &c, false);
    let mut c = Console::new((120, 36));
    c.settle().press("0 ] ] ] ]").settle();
    save("tab-config", &c, false);
}

#[test]
fn every_verb_has_a_key_and_a_card() {
    for kind in Kind::ALL.iter().filter(|k| **k != Kind::Upgrade) {
        let (_, keys, _) = VERBS.iter().find(|(_, _, k)| k == kind).unwrap_or_else(|| panic!("{kind}"));
        let c = opened(keys, *kind, (120, 36));
        assert!(
            matches!(c.model.overlays.last(), Some(Overlay::Card(card)) if card.request().kind() == *kind),
            "{kind}"
        );
    }
}
