use std::env;

use hf_hub::HFClientSync;

use super::{other, post};

#[test]
fn people_are_told() {
    let client = HFClientSync::new().unwrap();
    let (user, organisation) = (env::var("LYCEUM_USER").unwrap(), env::var("LYCEUM_ORGANISATION").unwrap());
    let me = client.whoami().send().unwrap();
    assert_eq!((me.username.as_str(), me.user_type.as_deref()), (user.as_str(), Some("user")));
    let orgs = me.orgs.unwrap();
    assert!(orgs.iter().any(|org| org.name.as_deref() == Some(&organisation)), "{orgs:?}");

    let overview = client.user_overview().username(&user).send().unwrap();
    assert_eq!(overview.username, user);
    let lab = client.organization_overview().organization(&organisation).send().unwrap();
    assert_eq!(lab.name, organisation);
    assert!(lab.num_users >= Some(1));
    let members = client.list_organization_members().organization(&organisation).limit(50).send().unwrap();
    assert!(members.iter().any(|member| member.username == user), "{members:?}");
    assert!(client.user_overview().username("nobody-has-this-name").send().is_err());
}

#[test]
fn followers_are_listed() {
    let client = HFClientSync::new().unwrap();
    let user = env::var("LYCEUM_USER").unwrap();
    let followed = other().whoami().send().unwrap().username;
    post(&format!("/api/users/{followed}/follow"));
    let followers = client.list_user_followers().username(followed.clone()).send().unwrap();
    assert!(followers.iter().any(|follower| follower.username == user), "{followers:?}");
    let following = client.list_user_following().username(user).limit(9).send().unwrap();
    assert!(following.iter().any(|found| found.username == followed), "{following:?}");
}
