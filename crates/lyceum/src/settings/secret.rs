//! Secrets, which stand in the file, in a file of their own, or in the environment.

/// Largest file with a secret.
const MAX_FILE_BYTES: u64 = 4096;

/// The places in which a secret may stand; an empty one is none.
pub(super) struct SecretPlaces<'a> {
    pub(super) value: &'a str,
    pub(super) file: &'a str,
    pub(super) variable: &'a str,
}

impl SecretPlaces<'_> {
    /// Returns the secret, if there is one; or what is wrong with it.
    pub(super) fn find(
        &self,
        environment: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<String>, String> {
        let Self { value, file, variable } = *self;
        let given = [value, file, variable].iter().filter(|place| !place.is_empty()).count();
        if given > 1 {
            return Err("is given in more than one way".to_owned());
        }
        let secret = if !file.is_empty() {
            let fail = |error| format!("cannot be read from `{file}`: {error}");
            if std::fs::metadata(file).map_err(fail)?.len() > MAX_FILE_BYTES {
                return Err(format!("in `{file}` is longer than {MAX_FILE_BYTES} bytes"));
            }
            let text = std::fs::read_to_string(file).map_err(fail)?;
            text.lines().next().unwrap_or_default().to_owned()
        } else if !variable.is_empty() {
            environment(variable).ok_or_else(|| format!("is not in the environment as `{variable}`"))?
        } else {
            value.to_owned()
        };
        if given > 0 && secret.is_empty() {
            return Err("is empty where it should be".to_owned());
        }
        Ok((given > 0).then_some(secret))
    }
}
