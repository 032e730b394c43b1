use super::*;

#[test]
fn the_app_is_its_uid_and_its_cgroup_where_there_is_one() {
    let owner = |uid, cgroup| Owner { uid, cgroup, inode: 1 };
    for (app, connected, expected) in [
        ((1000, None), (1000, Some(5)), true),
        ((1000, None), (1000, None), true),
        ((1000, None), (1001, None), false),
        ((1000, Some(5)), (1000, Some(5)), true),
        ((1000, Some(5)), (1000, Some(6)), false),
        ((1000, Some(5)), (1000, None), false),
        ((1000, Some(5)), (0, Some(5)), false),
    ] {
        let identity = AppIdentity { uid: app.0, cgroup: app.1 };
        assert_eq!(identity.owns(&owner(connected.0, connected.1)), expected, "{app:?} {connected:?}");
    }
}
