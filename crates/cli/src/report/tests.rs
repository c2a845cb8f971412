use insta::assert_snapshot;

use super::table;
use crate::terminal::Paint;
use crate::terminal::Style;

#[test]
fn columns_align_with_colours_and_without() {
    let cell = |text: &str| (text.to_owned(), None);
    let rows = vec![
        vec![
            cell("naïve"),
            ("✔ good".to_owned(), Some(Paint::Good)),
            cell("1s"),
        ],
        vec![cell("x"), cell(""), cell("")],
    ];
    assert_snapshot!(table(Style::default(), &["NAME", "STATE", "TIME"], &rows), @r#"
    NAME   STATE   TIME
    naïve  ✔ good  1s
    x
    "#);
    let painted = table(Style::new(true), &["NAME", "STATE", "TIME"], &rows);
    let bare = painted
        .replace("\x1b[2m", "")
        .replace("\x1b[32m", "")
        .replace("\x1b[0m", "");
    assert_eq!(bare, table(Style::default(), &["NAME", "STATE", "TIME"], &rows));
}
