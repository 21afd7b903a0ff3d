//! The light theme: what a person in a bright room sees.

use nutkin::{
    domain::operation::Kind,
    faces::tui::theme::{Role, Theme},
};

use super::{support::Console, world};

/// Screens name roles, and this is how each of them looks: two screens with the same roles may be of different colours.
#[test]
fn the_colours_of_the_light_theme() {
    let theme = Theme::built_in("light").0;
    let looks: Vec<String> =
        Role::ALL.iter().map(|role| format!("{:<15}{:?}", role.as_str(), theme.style(*role))).collect();
    insta::assert_snapshot!("roles_light", looks.join("\n"));
    let dark = Theme::built_in("dark").0;
    assert_ne!(theme.style(Role::Error), dark.style(Role::Error), "a colour of its own");
}

#[test]
fn home_and_a_card_in_the_light_theme() {
    for (w, h) in [(80, 24), (120, 36)] {
        let mut c = Console::with(world::snapshot(), "light", (w, h));
        c.settle();
        insta::assert_snapshot!(format!("home_{w}x{h}_light"), c.styled());
        c.press("p").plan(world::plan(Kind::Suspend));
        insta::assert_snapshot!(format!("card_suspend_{w}x{h}_light"), c.styled());
    }
}
