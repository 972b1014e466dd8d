//! Keys for a role, by the job's ID token: `AssumeRoleWithWebIdentity`, the one call that AWS takes unsigned.

use super::keys::Keys;
use super::registry::Registry;
use super::{endpoint, refusal, xml};
use crate::credentials::exchange::{form, id_tokens, is_token, no_id_token, read_file, request, useless};
use crate::credentials::keyless::Job;
use crate::error::{Error, Result};
use crate::http::Method;
use crate::report::Secret;

/// What AWS asks of an ID token by default, and `aws-actions/configure-aws-credentials` asks for.
const AUDIENCE: &str = "sts.amazonaws.com";

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

/// What the role's session is called in AWS's logs, unless the job has a name for it.
const SESSION: &str = "oci-artifact";

/// A role, and the token that may take it.
#[derive(Debug)]
pub(super) struct Role {
    arn: String,
    token: Token,
}

#[derive(Debug)]
enum Token {
    /// Of the CI system.
    Job,
    /// In a file: what EKS gives its pods, and some CI systems their jobs.
    File(String),
}

impl Role {
    /// The role of the input, for the job's ID token; else that of the environment, for the file that came with it.
    ///
    /// # Errors
    /// A role was named by input and there is no token for it; a name that can't be one.
    pub(super) fn of(job: &Job) -> Result<Option<Self>> {
        let file = || job.env.get(TOKEN_FILE).map(|path| Token::File(path.trim().to_owned()));
        let source = id_tokens(job);
        let of_job = source.as_ref().ok().map(|_| Token::Job);
        let (arn, token) = match (&job.cloud.aws_role_arn, job.env.get("AWS_ROLE_ARN")) {
            (Some(arn), _) => match (of_job.or_else(file), source) {
                (Some(token), _) => (checked(arn, "`aws-role-arn`")?, token),
                (None, Err(reason)) => return Err(no_id_token("`aws-role-arn`", &reason)),
                (None, Ok(_)) => return Ok(None),
            },
            (None, Some(arn)) => match (file().or(of_job), source) {
                (Some(token), _) => (checked(arn, "AWS_ROLE_ARN")?, token),
                (None, reason) => {
                    tracing::debug!("AWS_ROLE_ARN is not used: {}", reason.err().unwrap_or_default());
                    return Ok(None);
                }
            },
            (None, None) => return Ok(None),
        };
        Ok(Some(Role { arn, token }))
    }

    /// Takes the role, for an hour.
    ///
    /// # Errors
    /// AWS refuses; the message says what it saw in the token, the hint what its trust policy may lack.
    pub(super) async fn assume(&self, job: &Job, registry: &Registry) -> Result<Keys> {
        let token = self.token(job).await?;
        let session = job.env.get("AWS_ROLE_SESSION_NAME").map_or(SESSION, str::trim);
        let request = form(
            request(Method::POST, endpoint::sts(job, registry)?, "AWS STS"),
            &[
                ("Action", "AssumeRoleWithWebIdentity"),
                ("Version", "2011-06-15"),
                ("RoleArn", &self.arn),
                ("RoleSessionName", session),
                ("WebIdentityToken", token.expose()),
            ],
        );
        let answer = refusal::ask(job, &request).await?;
        if !answer.status.is_success() {
            return Err(refusal::about_role(&refusal::read(&answer), &self.arn, &token));
        }
        let text = String::from_utf8_lossy(&answer.body);
        let part = |name| {
            let path = [
                "AssumeRoleWithWebIdentityResponse",
                "AssumeRoleWithWebIdentityResult",
                "Credentials",
                name,
            ];
            xml::text(&text, &path)
        };
        if part("AccessKeyId").is_none() {
            return Err(useless(
                &answer,
                "its answer should be the XML of keys, but is something else",
            ));
        }
        Keys::checked(
            [part("AccessKeyId"), part("SecretAccessKey"), part("SessionToken")],
            &answer,
            &format!("the job's identity as {}", self.arn),
            &job.report,
        )
    }

    async fn token(&self, job: &Job) -> Result<Secret> {
        match &self.token {
            Token::Job => {
                let source = id_tokens(job).map_err(|reason| no_id_token("the role of AWS", &reason))?;
                source.token(&job.client, AUDIENCE).await
            }
            Token::File(path) => {
                let text = read_file(job, path, TOKEN_FILE).await?;
                if !is_token(&text) {
                    return Err(Error::usage(format!("{path}: it holds no token"))
                        .hint(format!("{TOKEN_FILE} should name a file with a JWT and nothing else")));
                }
                Ok(Secret::new(text, &job.report))
            }
        }
    }
}

/// `arn:PARTITION:iam::ACCOUNT:role/NAME`.
fn checked(arn: &str, origin: &str) -> Result<String> {
    let arn = arn.trim();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let fits = |account: &str, role: &str| {
        account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && role.strip_prefix("role/").is_some_and(is_token)
    };
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, role] if partition.starts_with("aws") && fits(account, role) => {
            Ok(arn.to_owned())
        }
        _ => Err(Error::usage(format!("{origin}: {arn:?} is not the ARN of a role"))
            .hint("write arn:aws:iam::ACCOUNT:role/NAME, with the account's 12 digits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_roles_alone() {
        for arn in [
            "arn:aws:iam::123456789012:role/push",
            "arn:aws-cn:iam::123456789012:role/path/push",
            " arn:aws-us-gov:iam::123456789012:role/a:b ",
        ] {
            assert_eq!(checked(arn, "x").unwrap(), arn.trim());
        }
        for arn in [
            "push",
            "arn:aws:iam::123456789012:user/push",
            "arn:aws:iam::1234:role/push",
            "arn:aws:sts::123456789012:role/push",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert!(checked(arn, "x").is_err(), "{arn}");
        }
    }
}
