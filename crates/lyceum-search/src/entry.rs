//! What is indexed: one entry for each repo, user and organisation.

use lyceum_core::RepoKind;

/// What an entry stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A repo.
    Repo(RepoKind),
    /// A user.
    User,
    /// An organisation.
    Organisation,
}

/// Something to be found.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it stands for.
    pub kind: Kind,
    /// Its row; repos and accounts are numbered apart.
    pub id: i64,
    /// What it is called in addresses.
    pub name: String,
    /// What it is called besides: the full name of an account, or nothing.
    pub title: String,
    /// What it says of itself, in plain words.
    pub text: String,
    /// The account that owns it, or is it.
    pub owner: i64,
    /// Who sees it.
    pub seen_by: Vec<Grant>,
    /// Tags that it is found by, as they are written.
    pub tags: Vec<String>,
    /// Its values of each facet.
    pub facets: Vec<(Facet, String)>,
    /// What lists are ordered by.
    pub order: Order,
}

/// A group of people who see an entry, or that a viewer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grant {
    /// Everybody.
    Everybody,
    /// The owner with this id, or all members of that organisation.
    Owner(i64),
    /// The administrators of an organisation.
    Administrators(i64),
    /// A resource group.
    Group(i64),
}

/// Numbers that lists are ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// Demand lately.
    pub trending: i64,
    /// Users who like it.
    pub likes: i64,
    /// Downloads in the last 30 days.
    pub downloads: i64,
    /// When it last changed.
    pub updated: i64,
    /// When it was made.
    pub created: i64,
}

macro_rules! facets {
    ($($(#[$doc:meta])* $facet:ident = $word:literal,)*) => {
        /// Something that entries are narrowed down by.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Facet {
            $($(#[$doc])* $facet,)*
        }

        impl Facet {
            /// Every facet, in the order to show.
            pub const ALL: &[Self] = &[$(Self::$facet,)*];

            /// Returns the facet of a word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|facet| facet.as_str() == word)
            }

            /// Returns the word for addresses.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$facet => $word,)*
                }
            }
        }
    };
}

facets! {
    /// What it is for.
    Task = "task",
    /// What loads it.
    Library = "library",
    /// What runs a space.
    Sdk = "sdk",
    /// Size by parameters or rows.
    Size = "size",
    /// Text, image, sound.
    Modality = "modality",
    /// Formats of its files.
    Format = "format",
    /// Natural languages.
    Language = "language",
    /// Under which terms.
    Licence = "license",
    /// Whether its files must be asked for.
    Access = "access",
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Repo(kind) => kind.singular(),
            Self::User => "user",
            Self::Organisation => "org",
        }
    }

    /// Returns what tells an entry of this kind from all others.
    pub(crate) fn key(self, id: i64) -> String {
        match self {
            Self::Repo(_) => format!("r{id}"),
            Self::User | Self::Organisation => format!("a{id}"),
        }
    }
}

impl Grant {
    pub(crate) fn term(self) -> String {
        match self {
            Self::Everybody => "all".to_owned(),
            Self::Owner(id) => format!("o{id}"),
            Self::Administrators(id) => format!("m{id}"),
            Self::Group(id) => format!("g{id}"),
        }
    }
}
