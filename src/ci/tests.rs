//! What each system's variables make of `${ci.*}`; the variables are those that its documentation lists.

use super::*;

/// The facts of the job that `variables` tell of, a line each, with its source and whether it is restricted.
fn facts(variables: &[(&str, &str)]) -> String {
    let ci = detect(&variables.iter().copied().collect());
    let facts = ci.facts();
    let mut lines: Vec<String> = facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    lines.extend(ci.source_url().map(|url| format!("source: {url}")));
    lines.extend(ci.committed().map(|time| format!("committed: {time}")));
    lines.extend(ci.restricted().map(|why| format!("restricted: {why}")));
    lines.join("\n")
}

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// <https://docs.gitlab.com/ci/variables/predefined_variables/>
#[test]
fn gitlab() {
    let branch = [
        ("GITLAB_CI", "true"),
        ("CI_COMMIT_SHA", SHA),
        ("CI_COMMIT_BRANCH", "feature/x"),
        ("CI_COMMIT_REF_NAME", "feature/x"),
        ("CI_COMMIT_TIMESTAMP", "2026-01-02T03:04:05+00:00"),
        ("CI_PIPELINE_ID", "1001"),
        ("CI_PIPELINE_IID", "12"),
        (
            "CI_PIPELINE_URL",
            "https://gitlab.example.com/group/app/-/pipelines/1001",
        ),
        ("CI_PROJECT_PATH", "group/app"),
        ("CI_PROJECT_URL", "https://gitlab.example.com/group/app"),
        ("GITLAB_USER_LOGIN", "someone"),
    ];
    insta::assert_snapshot!(facts(&branch));
    let request = [
        ("GITLAB_CI", "true"),
        ("CI_COMMIT_SHA", SHA),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/7/head"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "20"),
        ("CI_MERGE_REQUEST_PROJECT_ID", "10"),
        ("CI_PROJECT_ID", "20"),
    ];
    insta::assert_snapshot!(facts(&request));
}

/// <https://learn.microsoft.com/azure/devops/pipelines/build/variables>
#[test]
fn azure() {
    let branch = [
        ("TF_BUILD", "True"),
        ("BUILD_SOURCEVERSION", SHA),
        ("BUILD_SOURCEBRANCH", "refs/heads/feature/x"),
        ("BUILD_SOURCEBRANCHNAME", "x"),
        ("BUILD_BUILDID", "1001"),
        ("BUILD_BUILDNUMBER", "20260102.1"),
        ("BUILD_REPOSITORY_NAME", "app"),
        (
            "BUILD_REPOSITORY_URI",
            "https://org@dev.azure.com/org/My%20Project/_git/app",
        ),
        ("BUILD_REQUESTEDFOR", "Some One"),
        ("SYSTEM_JOBATTEMPT", "1"),
        ("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "https://dev.azure.com/org/"),
        ("SYSTEM_TEAMPROJECT", "My Project"),
    ];
    insta::assert_snapshot!(facts(&branch));
    let request = [
        ("TF_BUILD", "True"),
        ("BUILD_SOURCEBRANCH", "refs/pull/31/merge"),
        ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "refs/heads/main"),
        ("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "7"),
        ("SYSTEM_PULLREQUEST_PULLREQUESTID", "31"),
        ("SYSTEM_PULLREQUEST_ISFORK", "True"),
    ];
    insta::assert_snapshot!(facts(&request));
}

/// <https://buildkite.com/docs/pipelines/configure/environment-variables>
#[test]
fn buildkite() {
    let tag = [
        ("BUILDKITE", "true"),
        ("BUILDKITE_COMMIT", "HEAD"),
        ("BUILDKITE_BRANCH", "v1.2.0"),
        ("BUILDKITE_TAG", "v1.2.0"),
        ("BUILDKITE_PULL_REQUEST", "false"),
        ("BUILDKITE_PULL_REQUEST_REPO", ""),
        ("BUILDKITE_BUILD_ID", "0190046e-e199-453b-a302-a21a4d649d31"),
        ("BUILDKITE_BUILD_NUMBER", "12"),
        ("BUILDKITE_RETRY_COUNT", "1"),
        ("BUILDKITE_REPO", "git@github.com:octo/app.git"),
        ("BUILDKITE_BUILD_CREATOR", "Some One"),
        ("BUILDKITE_BUILD_URL", "https://buildkite.com/octo/app/builds/12"),
    ];
    insta::assert_snapshot!(facts(&tag));
    let request = [
        ("BUILDKITE", "true"),
        ("BUILDKITE_COMMIT", SHA),
        ("BUILDKITE_BRANCH", "someone:main"),
        ("BUILDKITE_PULL_REQUEST", "7"),
        ("BUILDKITE_PULL_REQUEST_REPO", "git://github.com/someone/app.git"),
        ("BUILDKITE_REPO", "git@github.com:octo/app.git"),
    ];
    insta::assert_snapshot!(facts(&request));
}

/// <https://circleci.com/docs/variables/>
#[test]
fn circle() {
    let request = [
        ("CIRCLECI", "true"),
        ("CIRCLE_SHA1", SHA),
        ("CIRCLE_BRANCH", "pull/7"),
        ("CIRCLE_PULL_REQUEST", "https://github.com/octo/app/pull/7"),
        ("CIRCLE_PR_NUMBER", "7"),
        ("CIRCLE_PR_REPONAME", "app"),
        ("CIRCLE_WORKFLOW_ID", "ff8da740-5fcb-4b0f-9b5c-6ab0d7a0f1ea"),
        ("CIRCLE_BUILD_NUM", "12"),
        ("CIRCLE_PROJECT_USERNAME", "octo"),
        ("CIRCLE_PROJECT_REPONAME", "app"),
        ("CIRCLE_USERNAME", "someone"),
        ("CIRCLE_BUILD_URL", "https://circleci.com/gh/octo/app/12"),
        ("CIRCLE_REPOSITORY_URL", "git@github.com:octo/app.git"),
    ];
    insta::assert_snapshot!(facts(&request));
}

/// <https://woodpecker-ci.org/docs/usage/environment>
#[test]
fn woodpecker() {
    let request = [
        ("CI", "woodpecker"),
        ("CI_COMMIT_SHA", SHA),
        ("CI_COMMIT_REF", "refs/pull/7/head"),
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_COMMIT_SOURCE_BRANCH", "feature/x"),
        ("CI_COMMIT_PULL_REQUEST", "7"),
        ("CI_PIPELINE_NUMBER", "12"),
        ("CI_PIPELINE_URL", "https://ci.example.com/repos/3/pipeline/12"),
        ("CI_PIPELINE_AUTHOR", "someone"),
        ("CI_REPO", "octo/app"),
        ("CI_REPO_URL", "https://git.example.com/octo/app"),
    ];
    insta::assert_snapshot!(facts(&request));
    let tag = [
        ("CI", "woodpecker"),
        ("CI_COMMIT_REF", "refs/tags/v1"),
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_COMMIT_TAG", "v1"),
    ];
    insta::assert_snapshot!(facts(&tag));
}

/// <https://docs.drone.io/pipeline/environment/reference/>
#[test]
fn drone() {
    let push = [
        ("DRONE", "true"),
        ("DRONE_COMMIT_SHA", SHA),
        ("DRONE_COMMIT_REF", "refs/heads/main"),
        ("DRONE_BRANCH", "main"),
        ("DRONE_BUILD_NUMBER", "12"),
        ("DRONE_BUILD_LINK", "https://drone.example.com/octo/app/12"),
        ("DRONE_REPO", "octo/app"),
        ("DRONE_REPO_LINK", "https://git.example.com/octo/app"),
        ("DRONE_COMMIT_AUTHOR", "someone"),
    ];
    insta::assert_snapshot!(facts(&push));
}

/// <https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables>, and the Git and Branch API
/// plugins.
#[test]
fn jenkins() {
    let branch = [
        ("JENKINS_URL", "https://ci.example.com/"),
        ("GIT_COMMIT", SHA),
        ("GIT_BRANCH", "origin/main"),
        ("GIT_URL", "https://user:secret@git.example.com/octo/app.git"),
        ("BUILD_NUMBER", "12"),
        ("BUILD_TAG", "jenkins-app-12"),
        ("BUILD_URL", "https://ci.example.com/job/app/12/"),
    ];
    insta::assert_snapshot!(facts(&branch));
    let request = [
        ("JENKINS_URL", "https://ci.example.com/"),
        ("BRANCH_NAME", "PR-7"),
        ("CHANGE_ID", "7"),
        ("CHANGE_BRANCH", "feature/x"),
        ("CHANGE_FORK", "someone"),
        ("CHANGE_AUTHOR", "someone"),
    ];
    insta::assert_snapshot!(facts(&request));
}

/// <https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/>
#[test]
fn bitbucket() {
    let branch = [
        ("BITBUCKET_BUILD_NUMBER", "12"),
        ("BITBUCKET_COMMIT", SHA),
        ("BITBUCKET_BRANCH", "main"),
        ("BITBUCKET_PIPELINE_UUID", "{a1}"),
        ("BITBUCKET_REPO_FULL_NAME", "octo/app"),
        ("BITBUCKET_STEP_RUN_NUMBER", "1"),
        ("BITBUCKET_GIT_HTTP_ORIGIN", "http://bitbucket.org/octo/app"),
    ];
    insta::assert_snapshot!(facts(&branch));
}
