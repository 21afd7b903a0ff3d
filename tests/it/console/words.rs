//! What is said where there is little room: short messages, titles, keys, columns.

use nutkin::{
    contract::watch::WatchMessage,
    domain::{
        event::Severity,
        operation::{Kind, OpState},
    },
    faces::tui::{
        msg::{Msg, Reply},
        overlay::{Overlay, help::Entry},
        theme::Role,
    },
};

use super::{support::Console, world};

const SIZE: (u16, u16) = (120, 36);

fn ready() -> Console {
    let mut c = Console::new(SIZE);
    c.settle();
    c
}

// --- short messages ------------------------------------------------------------------------------------------------

#[test]
fn short_messages_cover_nothing_and_are_cut_only_where_something_is_missing() {
    for size in [(80, 24), (120, 36), (170, 40), (60, 20)] {
        let mut c = Console::new(size);
        c.settle().press("4");
        // The newest event: the last row above the lowest border, in the pane at the right.
        let newest = |c: &Console| {
            let screen = c.screen();
            let rows = screen.lines().rev().skip_while(|l| !l.starts_with('╰')).skip(1);
            let mut last = rows.map(|r| r.trim_end_matches('│').rsplit('│').next().unwrap().trim());
            last.find(|r| !r.is_empty()).unwrap().to_owned()
        };
        let event = newest(&c);
        let words = "SUSPEND of payments-dashboard/production failed, nothing was changed on the cluster. See it under operations.";
        c.model.toast(words.trim(), Role::Error);
        c.send(Msg::Tick(world::now()));
        c.shows("? help");
        assert_eq!(newest(&c), event, "{}", c.screen());
        let screen = c.screen();
        let said: Vec<&str> = screen.lines().rev().skip(1).take_while(|l| !l.starts_with('╰')).collect();
        assert!(!said.is_empty() && said.len() <= 3, "{screen}");
        let said: String = said.iter().rev().flat_map(|l| l.split_whitespace()).collect::<Vec<_>>().join(" ");
        assert_eq!(said, words.trim(), "{screen}");
        c.press("z").shows("CHECKPOINT_COMPLETED  #812").press("z o").shows("Operations");
        // What is too long says so.
        c.model.toasts.clear();
        c.model.toast("word ".repeat(200), Role::Error);
        let screen = c.screen();
        assert!(screen.lines().rev().nth(1).unwrap().ends_with('…'), "{screen}");
    }
}

#[test]
fn short_messages_leave_a_card_its_buttons() {
    for size in [(80, 24), (60, 20)] {
        let mut c = Console::new(size);
        c.settle().press("x").plan(world::plan(Kind::Cancel)).press("y enter tab enter");
        c.model.toast(
            "it did not work and this sentence says at some length why that was so ".repeat(3),
            Role::Warn,
        );
        c.shows("Cancel the job").shows("it did not work").shows("Confirm").shows("? help");
    }
}

// --- small things ----------------------------------------------------------------------------------------------------

#[test]
fn the_active_tab_is_whole_at_every_size() {
    for size in [(80, 24), (100, 24), (120, 36), (44, 12)] {
        let mut c = Console::new(size);
        c.settle().press("0");
        for tab in ["[Overview]", "[Event log]", "[Jobs]", "[Savepoints]", "[Config]"] {
            c.shows(tab);
            let title = c.screen().lines().nth(1).unwrap().to_owned();
            assert!(!title.contains('…'), "{title}");
            c.press("]").settle();
        }
    }
}

#[test]
fn the_header_keeps_its_words_where_they_are_few() {
    let mut s = world::snapshot();
    (s.totals.running, s.totals.transitioning, s.totals.failing, s.totals.operations) = (4, 0, 0, 0);
    Console::with(s.clone(), "dark", (80, 24)).settle().shows("● 4 running").hides("0 failing");
    s.totals.failing = 2;
    Console::with(s, "dark", (80, 24)).settle().shows("● 4 running  ✗ 2 failing");
}

#[test]
fn debug_events_that_were_there_all_the_time_are_not_new() {
    let mut c = ready();
    let push = |c: &mut Console, seq: u64, severity| {
        let mut e = world::events().remove(5);
        (e.seq, e.severity) = (seq, severity);
        c.send(Msg::Watch(WatchMessage::Events { events: vec![e], skipped: 0 }));
    };
    for seq in 200..213 {
        push(&mut c, seq, Severity::Debug);
    }
    c.press("4 up").shows("G follows").shows(" PAUSED ").press("d").shows(" PAUSED ").hides("PAUSED +");
    push(&mut c, 213, Severity::Debug);
    c.shows("PAUSED +1 new").press("G").hides("G follows").shows("FOLLOWING");
    c.press("up 2").shows("PAUSED").hides("G follows");
}

#[test]
fn ids_in_events_are_short() {
    let mut s = world::snapshot();
    s.events.last_mut().unwrap().message = "job 6e75746b01020304a1b2c3d4e5f60718 was lost".into();
    let mut c = Console::with(s, "dark", SIZE);
    c.settle().shows("job …e5f60718 was lost").press("4 G enter").shows("6e75746b01020304a1b2c3d4e5f60718");
}

#[test]
fn commands_have_sections_begin_with_what_is_possible_and_say_what_follows() {
    for size in [(80, 24), SIZE] {
        let mut c = Console::new(size);
        c.settle().press("2 ?").shows("The selected deployment and its panes").shows("more ↓ pagedown");
        // It runs, so that it cannot be started.
        let marked = |c: &Console| c.screen().lines().find(|l| l.contains("│▌")).unwrap().to_owned();
        let row = |c: &Console| {
            c.screen().lines().filter(|l| l.contains('▌')).map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(row(&c).iter().any(|l| l.contains("▌p ") && l.contains("suspend")), "{}", c.screen());
        assert!(!marked(&c).is_empty());
        // No heading is ever marked, in whichever direction.
        for key in ["down", "up", "pagedown", "pageup"] {
            for _ in 0..80 {
                c.press(key);
                let Some(Overlay::Help(h)) = c.model.overlays.last() else { panic!() };
                assert!(matches!(h.list.selected(), Some(Entry::Command(_))), "{key}");
            }
        }
        c.press("esc ?").type_text("zoom").hides("The selected deployment");
    }
}

#[test]
fn no_key_is_offered_that_does_nothing_or_reads_like_a_verb() {
    let mut c = ready();
    c.press("x").plan(world::plan(Kind::Cancel)).shows("esc back").hides("esc cancel").press("esc");
    c.press("u").settle().shows("esc back").press("esc");
    c.shows("o operations")
        .press("o")
        .hides("o operations")
        .press("o")
        .shows("operations: they are on the screen");
}

#[test]
fn the_key_that_unpins_says_so() {
    let mut c = ready();
    c.press("3").shows("P pin").press("G").shows("P unpin").press("P");
    let mut s = world::savepoints().remove(3);
    s.pinned = false;
    c.reply(Reply::Patched(Ok(Box::new(s)))).shows("savepoint …0000c655 not pinned any more");
}

#[test]
fn the_operations_have_a_column_for_what_came_of_them() {
    let mut c = ready();
    c.press("o");
    let mut op = world::operation(OpState::Succeeded);
    op.result = Some("suspended with savepoint c812".into());
    c.reply(Reply::Operations(Ok(vec![op])));
    let screen = c.screen();
    let at = |words: &str| {
        let line = screen.lines().find(|l| l.contains(words)).unwrap();
        line[..line.find(words).unwrap()].chars().count()
    };
    assert_eq!(at("Result"), at("suspended w"), "{screen}");
}
