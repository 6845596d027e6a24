//! The list of addresses, so that a changed surface shows as a diff.

#[test]
fn the_routes_are_those_of_the_list() {
    let table = crate::route_table().join("\n");
    assert_eq!(table, include_str!("routes.txt").trim_end(), "update tests/routes.txt");
}
