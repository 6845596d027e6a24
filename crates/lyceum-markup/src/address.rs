//! Where the links and pictures of a text lead.

/// Where a text stands: what its relative addresses are relative to. Both are paths on this site.
#[derive(Debug, Clone)]
pub struct Place {
    /// Folder of the pages that links lead to, such as `/ada/bert/blob/main`.
    pub pages: String,
    /// Folder of the files that pictures come from, such as `/ada/bert/resolve/main`.
    pub files: String,
}

/// How the addresses may start that lead to other sites, and to people.
const SCHEMES: [&str; 3] = ["https", "http", "mailto"];

impl Place {
    /// Returns where a link leads; `None` if it is not one that may be followed.
    pub(crate) fn link(&self, address: &str) -> Option<String> {
        let address = plain(address);
        if let Some(id) = address.strip_prefix('#') {
            let prefix = if id.starts_with(crate::ID_PREFIX) { "" } else { crate::ID_PREFIX };
            return Some(format!("#{prefix}{id}"));
        }
        match scheme(&address) {
            Some(scheme) => SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(address),
            None if address.starts_with(['/', '\\', '?']) => Some(address),
            None => Some(below(&self.pages, &address)),
        }
    }

    /// Returns where a picture comes from; `None` if that is another site, which would learn who reads this.
    pub(crate) fn picture(&self, address: &str) -> Option<String> {
        let address = plain(address);
        if scheme(&address).is_some() || address.starts_with(['\\', '?', '#']) {
            return None;
        }
        match address.strip_prefix('/') {
            // Browsers take what follows two slashes, of either kind, for the name of a host.
            Some(rest) => (!rest.starts_with(['/', '\\'])).then_some(address),
            None => Some(below(&self.files, &address)),
        }
    }
}

/// Returns an address as browsers read it: without control characters, and without space around it.
fn plain(address: &str) -> String {
    address.trim().chars().filter(|letter| !letter.is_control()).collect::<String>().trim().to_owned()
}

/// Returns what stands before the first colon, unless that is in a path already.
fn scheme(address: &str) -> Option<&str> {
    address
        .split(['/', '\\', '?', '#'])
        .next()
        .and_then(|first| first.split_once(':'))
        .map(|(scheme, _)| scheme)
}

/// Returns a relative address below a folder, out of which it does not lead.
fn below(folder: &str, address: &str) -> String {
    let (path, rest) = address.split_at(address.find(['?', '#']).unwrap_or(address.len()));
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split(['/', '\\']) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    format!("{folder}/{}{rest}", segments.join("/"))
}
