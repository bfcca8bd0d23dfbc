//! How long a large estate takes. Not run by default: `cargo test --release -p bartizan-iam --test measure
//! -- --ignored --nocapture`.

mod support;

use std::time::Instant;

use bartizan_iam::{Access, Admin, Estate, Resource, privileges};
use serde_json::json;
use support::*;

#[test]
#[ignore = "takes a while and prints figures"]
fn five_thousand_principals() {
    let mut details = Details::new()
        .group("staff", json!([allow(json!(["s3:Get*", "ec2:Describe*", "sts:AssumeRole"]), json!("*"))]))
        .group("admins", json!([everything()]));
    for at in 0..2000 {
        let own = json!([
            allow(json!("iam:ChangePassword"), json!(user_arn("${aws:username}"))),
            allow(json!("s3:*"), json!(format!("arn:aws:s3:::b{at}*")))
        ]);
        details =
            details.user(&format!("u{at}"), own).user_in(if at % 100 == 0 { "admins" } else { "staff" });
    }
    for at in 0..3000 {
        let service = ["lambda.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com"][at % 3];
        let trusted = match at % 10 {
            0 => json!({"AWS": ACCOUNT}),
            1 => json!({"AWS": user_arn(&format!("u{}", at % 2000))}),
            _ => json!({"Service": service}),
        };
        let rights = match at % 250 {
            0 => json!([everything()]),
            7 => json!([allow(json!(["lambda:*", "iam:PassRole"]), json!("*"))]),
            _ => json!([
                allow(
                    json!(["s3:GetObject", "s3:PutObject"]),
                    json!(format!("arn:aws:s3:::b{}/*", at % 2000))
                ),
                allow(json!(["dynamodb:*", "logs:*"]), json!("*"))
            ]),
        };
        details = details.role(&format!("r{at}"), trusted, rights);
    }
    let resources = (0..2000)
        .map(|at| Resource {
            arn: format!("arn:aws:s3:::b{at}"),
            account: Some(ACCOUNT.to_owned()),
            ..Resource::default()
        })
        .collect();
    let estate = Estate { resources, ..details.estate() };

    let start = Instant::now();
    let answers = privileges(&estate);
    let count = |admin| answers.iter().filter(|answer| answer.admin == admin).count();
    println!(
        "privileges of {}: {:?} ({} are, {} can)",
        answers.len(),
        start.elapsed(),
        count(Admin::Is),
        count(Admin::Can)
    );
    let start = Instant::now();
    let access = Access::new(&estate);
    println!("access made ready: {:?}", start.elapsed());
    let start = Instant::now();
    println!("{} assumptions: {:?}", access.assumptions().len(), start.elapsed());
    let start = Instant::now();
    let grants: usize = estate
        .resources
        .iter()
        .map(|resource| access.grants_on(&resource.arn).values().map(Vec::len).sum::<usize>())
        .sum();
    println!("{grants} grants on {} resources: {:?}", estate.resources.len(), start.elapsed());
    assert_eq!(answers.len(), 5000);
}
