//! The one command table. Keymap, footer, `?`, palette and the keymap file are made from it; there is no second list.

use super::model::Model;
use crate::words;

words!(closed
    /// Where a key means something. The innermost context that knows a key wins.
    Context {
        /// Everywhere but in text fields.
        Global = "global",
        /// The page with all panes.
        Home = "home",
        /// Any list.
        List = "list",
        /// The pane and the tab of savepoints.
        Savepoints = "savepoints",
        /// The event tail and the event log.
        Events = "events",
        /// The detail pane.
        Detail = "detail",
        /// The page of operations.
        Operations = "operations",
        /// A card that asks for confirmation.
        Card = "card",
        /// A card that shows one operation.
        Operation = "operation",
        /// A form with fields.
        Form = "form",
        /// A list of values for a field.
        Picker = "picker",
        /// A card that shows one thing in full.
        Sheet = "sheet",
        /// The words of a filter while they are typed.
        Filter = "filter",
        /// The list of commands.
        Help = "help",
        /// The question before leaving.
        Leave = "leave",
    }
);

/// How much a command can hurt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    /// It only looks.
    None,
    /// It opens a card; nothing happens before the card is confirmed.
    Card,
}

/// One row of the table.
#[derive(Debug)]
pub struct Spec {
    /// What it is in code.
    pub id: Command,
    /// Stable name, as in keymap files.
    pub name: &'static str,
    /// What it is called, short enough for the footer.
    pub title: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Keys out of the box.
    pub keys: &'static [&'static str],
    /// Where its keys are known.
    pub context: Context,
    /// How much it can hurt.
    pub danger: Danger,
    /// Shown in the footer.
    pub footer: bool,
}

macro_rules! commands {
    ($($context:ident { $($id:ident $name:literal $title:literal [$($key:literal),*] $danger:ident $footer:literal $help:literal;)+ })+) => {
        /// Everything that a key can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command { $($(#[doc = $help] $id,)+)+ }

        /// The table.
        pub const COMMANDS: &[Spec] = &[$($(Spec {
            id: Command::$id, name: $name, title: $title, help: $help, keys: &[$($key),*],
            context: Context::$context, danger: Danger::$danger, footer: $footer,
        },)+)+];
    };
}

commands! {
    Global {
        Help "help" "help" ["?", "f1"] None true "Every command with its key, searchable; Enter runs it.";
        Palette "palette" "command" [":", "ctrl-p"] None true "Find a command by its name and run it.";
        Attention "attention" "needs you" ["!"] None true "Open the operation that waits for a person.";
        Operations "operations" "operations" ["o"] None true "Operations at work and the last ones.";
        Back "back" "back" ["esc"] None false "Close, clear the filter, or go back; never quits.";
        Quit "quit" "quit" ["q", "ctrl-c"] None true "Leave the console. Nothing is stopped.";
        Redraw "redraw" "redraw" ["ctrl-l"] None false "Draw the screen anew.";
        Reload "reload" "reload" ["ctrl-r"] None false "Ask the manager again, now.";
        Sleep "sleep" "to the shell" ["ctrl-z"] None false "Back to the shell; `fg` returns.";
    }
    Home {
        Start "start" "start" ["s"] Card true "Run the job from its restore point.";
        Suspend "suspend" "suspend" ["p"] Card true "Stop with a savepoint.";
        Restart "restart" "restart" ["r"] Card false "Stop with a savepoint and run the same revision again.";
        Cancel "cancel" "cancel" ["x"] Card true "Stop without a savepoint.";
        Savepoint "savepoint" "savepoint" ["v"] Card true "Take a savepoint; the job goes on.";
        Upgrade "upgrade" "upgrade" ["u"] Card true "Change program or configuration and go on with the state.";
        Fork "fork" "fork" ["f"] Card true "A new deployment from this one's state.";
        Rollback "rollback" "roll back" ["b"] Card false "Run an earlier revision again.";
        Adopt "adopt" "adopt" ["a"] Card true "Take over a job that somebody started.";
        Delete "delete" "delete" ["D"] Card false "Remove a deployment without a job; files stay.";
        Filter "filter" "filter" ["/"] None true "Show only rows with these words; `!word` hides.";
        Open "open" "open" ["enter"] None false "Go in.";
        Applications "applications" "applications" ["1"] None false "Focus on the applications.";
        Deployments "deployments" "deployments" ["2"] None false "Focus on the deployments.";
        Savepoints "savepoints" "savepoints" ["3"] None false "Focus on the savepoints.";
        Events "events" "events" ["4"] None false "Focus on the events.";
        Detail "detail" "detail" ["0"] None false "Focus on the detail.";
        NextPane "next-pane" "next pane" ["tab"] None false "Focus on the next pane.";
        PreviousPane "previous-pane" "previous pane" ["shift-tab"] None false "Focus on the previous pane.";
        NextTab "next-tab" "next tab" ["]"] None false "The next tab of the detail.";
        PreviousTab "previous-tab" "previous tab" ["["] None false "The previous tab of the detail.";
        Zoom "zoom" "zoom" ["z"] None false "The focused pane alone, or all again.";
        Copy "copy" "copy name" ["y"] None false "Copy the name of what is selected.";
    }
    List {
        Up "up" "up" ["up", "k"] None false "One row up.";
        Down "down" "down" ["down", "j"] None false "One row down.";
        PageUp "page-up" "page up" ["pageup", "ctrl-b"] None false "One page up.";
        PageDown "page-down" "page down" ["pagedown", "ctrl-f"] None false "One page down.";
        First "first" "first" ["home", "g g"] None false "The first row.";
        Last "last" "last" ["end", "G"] None false "The last row; the event tail follows again.";
    }
    Savepoints {
        Reset "reset" "reset to savepoint" ["R"] Card true "Make this savepoint the next restore point.";
        ForkFrom "fork-from" "fork from savepoint" ["f"] Card true "A new deployment from this savepoint.";
        Pin "pin" "pin" ["P"] None true "Pin or unpin; a pinned savepoint is never deleted.";
        Dispose "dispose" "dispose" ["D"] Card true "Delete the savepoint's files.";
        Import "import" "import" ["i"] Card false "Enter a savepoint by its location.";
        CopyPath "copy-path" "copy path" ["y"] None false "Copy the savepoint's location.";
        OpenSavepoint "open-savepoint" "details" ["enter"] None true "Everything about the savepoint, its path in full.";
    }
    Events {
        OpenEvent "open-event" "details" ["enter"] None true "Everything about the event, its text in full.";
        Debug "debug" "debug events" ["d"] None true "Show or hide debug events: steps, and every checkpoint.";
        CopyEvent "copy-event" "copy text" ["y"] None false "Copy the event's text.";
    }
    Detail {
        Right "tab-right" "next tab" ["right", "l"] None false "The next tab.";
        Left "tab-left" "previous tab" ["left", "h"] None false "The previous tab.";
    }
    Operations {
        OpenOperation "open-operation" "open" ["enter"] None true "Steps, evidence and choices of the operation.";
        Leave "leave" "back" ["q"] None true "Back to the page before.";
    }
    Card {
        Confirm "confirm" "confirm" ["y"] Card true "Do what the card says.";
        NextField "next-field" "next field" ["tab", "down"] None true "The next field or button.";
        PreviousField "previous-field" "previous field" ["shift-tab", "up"] None false "The previous field or button.";
        Close "close" "back" ["esc", "q", "n"] None true "Close the card; nothing happens.";
        Press "press" "press" ["enter", "space"] None false "Press the button, or change the field.";
        Next "next" "change" ["right", "l"] None false "The other button, or the field's next value.";
        Previous "previous" "change back" ["left", "h"] None false "The other button, or the field's previous value.";
        Buttons "buttons" "to the buttons" ["ctrl-s", "f10"] None false "Past the fields to the buttons, where the card is confirmed.";
        CopyCommand "copy-command" "copy as CLI" ["c"] None true "Copy the equivalent command line.";
        PickValue "pick-value" "choose" ["ctrl-o"] None true "Choose the field's value from a list.";
    }
    Operation {
        Choose "choose" "choose" ["enter"] None true "Take the marked way out.";
        ChoiceDown "choice-down" "next choice" ["tab"] None false "The next choice.";
        ChoiceUp "choice-up" "previous choice" ["shift-tab"] None false "The previous choice.";
        CopyId "copy-id" "copy id" ["y"] None true "Copy the operation's id.";
        CloseOperation "close-operation" "close" ["esc", "q"] None true "Close; the operation goes on.";
    }
    Form {
        FormNext "form-next" "next field" ["tab"] None true "The next field.";
        FormPrevious "form-previous" "previous field" ["shift-tab"] None false "The previous field.";
        Review "review" "review" ["ctrl-s", "f10"] Card true "To the card that shows what will be done.";
        Pick "pick" "choose" ["ctrl-o"] None true "Choose from the known artifacts or classes.";
        Edit "edit" "editor" ["ctrl-e"] None true "Edit the configuration in $EDITOR.";
        FormPageUp "form-page-up" "scroll up" ["pageup"] None false "The difference and what speaks against it, one page up.";
        FormPageDown "form-page-down" "scroll" ["pagedown"] None false "The difference and what speaks against it, one page down.";
        CloseForm "close-form" "back" ["esc"] None true "Close the form; nothing happens.";
    }
    Picker {
        PickTake "take" "take" ["enter"] None true "Take the marked value.";
        PickClose "close-picker" "back" ["esc", "q"] None true "Close the list; the field stays as it is.";
    }
    Sheet {
        CopySheet "copy-sheet" "copy" ["y"] None true "Copy what it is about: the path, the text, the id.";
        SheetOperation "sheet-operation" "operation" ["enter", "o"] None true "The operation that it belongs to.";
        CloseSheet "close-sheet" "close" ["esc", "q"] None true "Close.";
    }
    Filter {
        FilterKeep "keep-filter" "keep" ["enter", "tab", "down"] None true "Keep the filter, back to the rows.";
        FilterClear "clear-filter" "clear" ["esc"] None true "Clear the filter.";
    }
    Help {
        HelpRun "run" "run" ["enter"] None true "Run the marked command.";
        HelpDown "help-down" "down" ["down", "ctrl-n", "tab"] None false "The next command.";
        HelpUp "help-up" "up" ["up", "shift-tab"] None false "The previous command.";
        HelpClose "close-help" "close" ["esc"] None true "Close.";
    }
    Leave {
        LeaveNow "leave-now" "quit" ["y", "q", "enter", "ctrl-c"] None true "Leave; operations go on in the manager.";
        Stay "stay" "stay" ["esc", "n"] None true "Stay.";
    }
}

impl Command {
    /// Its row.
    #[must_use]
    pub fn spec(self) -> &'static Spec {
        // The enum and the table come from one macro, in one order.
        &COMMANDS[self as usize]
    }

    /// The command of a name in a context.
    #[must_use]
    pub fn find(context: Context, name: &str) -> Option<Self> {
        COMMANDS.iter().find(|s| s.context == context && s.name == name).map(|s| s.id)
    }

    /// Whether it would do something now; if not, why.
    pub fn available(self, model: &Model) -> Result<(), String> {
        super::verbs::available(self, model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_in_their_context_and_rows_match_ids() {
        let mut seen = HashSet::new();
        for s in COMMANDS {
            assert!(seen.insert((s.context, s.name)), "{}", s.name);
            assert_eq!(s.id.spec().name, s.name);
            assert!(s.help.ends_with('.'), "{}", s.name);
        }
    }

    #[test]
    fn a_control_letter_alone_never_opens_a_dangerous_card() {
        for s in COMMANDS.iter().filter(|s| s.danger == Danger::Card && s.id != Command::Review) {
            assert!(!s.keys.iter().any(|k| k.contains("ctrl-")), "{}", s.name);
        }
    }
}
