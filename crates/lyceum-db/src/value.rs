//! Conversions between Rust values and the four column types.

use std::borrow::Cow;

use lyceum_core::{AccountName, Oid, RepoId, RepoKind, Sha256, Timestamp, XetHash};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Arguments as _, Row as _, ValueRef as _};

use crate::error::{Error, Result};

/// A value that can be bound to a query.
pub(crate) trait Bind {
    fn bind(&self, to: &mut AnyArguments);
    fn bind_null(to: &mut AnyArguments);
}

/// A value that can be read from a row.
pub(crate) trait Column: Sized {
    fn read(row: &AnyRow, index: usize) -> Result<Self>;
}

/// Reads the columns of a row from left to right.
pub(crate) struct Columns<'a> {
    row: &'a AnyRow,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(row: &'a AnyRow) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn get<T: Column>(&mut self) -> Result<T> {
        self.next += 1;
        T::read(self.row, self.next - 1)
    }

    /// Says whether the next column is NULL, without taking it.
    pub(crate) fn null(&self) -> Result<bool> {
        Ok(self.row.try_get_raw(self.next).map_err(Error::query)?.is_null())
    }
}

/// A record that is made from consecutive columns.
pub(crate) trait Record: Sized {
    fn read(columns: &mut Columns<'_>) -> Result<Self>;
}

/// A record of one column.
impl<T: Column> Record for T {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        columns.get()
    }
}

/// Collects arguments for a query.
macro_rules! bind {
    () => {
        sqlx::any::AnyArguments::default()
    };
    ($($value:expr),+ $(,)?) => {{
        let mut arguments = sqlx::any::AnyArguments::default();
        $($crate::value::Bind::bind(&$value, &mut arguments);)+
        arguments
    }};
}
pub(crate) use bind;

/// Implements [`Bind`] and [`Column`] by way of a type that sqlx knows.
macro_rules! via {
    ($($type:ty as $sql:ty: |$value:ident| $to:expr, |$stored:ident| $from:expr;)*) => {$(
        impl Bind for $type {
            fn bind(&self, to: &mut AnyArguments) {
                let $value = self;
                let value: $sql = $to;
                to.add(value).expect("scalars always encode");
            }

            fn bind_null(to: &mut AnyArguments) {
                to.add(Option::<$sql>::None).expect("NULL always encodes");
            }
        }

        impl Column for $type {
            fn read(row: &AnyRow, index: usize) -> Result<Self> {
                let $stored: $sql = row.try_get(index).map_err(Error::query)?;
                Option::<Self>::ok_or_else($from, || Error::damaged(stringify!($type)))
            }
        }
    )*};
}

via! {
    i64 as i64: |value| *value, |stored| Some(stored);
    u64 as i64: |value| i64::try_from(*value).unwrap_or(i64::MAX), |stored| u64::try_from(stored).ok();
    u32 as i64: |value| i64::from(*value), |stored| u32::try_from(stored).ok();
    bool as i64: |value| i64::from(*value), |stored| Some(stored != 0);
    String as String: |value| storable(value).into_owned(), |stored| Some(stored);
    Vec<u8> as Vec<u8>: |value| value.clone(), |stored| Some(stored);
    [u8; 32] as Vec<u8>: |value| value.to_vec(), |stored| stored.try_into().ok();
    Timestamp as i64: |value| value.0, |stored| Some(Timestamp(stored));
    Oid as Vec<u8>: |value| value.0.to_vec(), |stored| Oid::from_slice(&stored);
    Sha256 as Vec<u8>: |value| value.0.to_vec(), |stored| Sha256::from_slice(&stored);
    XetHash as Vec<u8>: |value| value.0.to_vec(), |stored| XetHash::from_slice(&stored);
    AccountName as String: |value| value.as_str().to_owned(), |stored| AccountName::parse(&stored).ok();
    RepoKind as String: |value| value.singular().to_owned(), |stored| RepoKind::parse(&stored);
}

/// Replaces NUL, which PostgreSQL does not store in a text.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

impl Bind for &str {
    fn bind(&self, to: &mut AnyArguments) {
        to.add(&*storable(self)).expect("scalars always encode");
    }

    fn bind_null(to: &mut AnyArguments) {
        String::bind_null(to);
    }
}

impl Bind for &[u8] {
    fn bind(&self, to: &mut AnyArguments) {
        to.add(*self).expect("scalars always encode");
    }

    fn bind_null(to: &mut AnyArguments) {
        Vec::<u8>::bind_null(to);
    }
}

impl<T: Bind> Bind for &T {
    fn bind(&self, to: &mut AnyArguments) {
        T::bind(self, to);
    }

    fn bind_null(to: &mut AnyArguments) {
        T::bind_null(to);
    }
}

impl<T: Bind> Bind for Option<T> {
    fn bind(&self, to: &mut AnyArguments) {
        match self {
            Some(value) => value.bind(to),
            None => T::bind_null(to),
        }
    }

    fn bind_null(to: &mut AnyArguments) {
        T::bind_null(to);
    }
}

impl<T: Column> Column for Option<T> {
    fn read(row: &AnyRow, index: usize) -> Result<Self> {
        if row.try_get_raw(index).map_err(Error::query)?.is_null() {
            return Ok(None);
        }
        T::read(row, index).map(Some)
    }
}

/// Two records side by side.
impl<A: Record, B: Record> Record for (A, B) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok((A::read(columns)?, B::read(columns)?))
    }
}

/// Three records side by side.
impl<A: Record, B: Record, C: Record> Record for (A, B, C) {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        Ok((A::read(columns)?, B::read(columns)?, C::read(columns)?))
    }
}

/// The namespace and the name of a repo are two columns.
impl Record for RepoId {
    fn read(columns: &mut Columns<'_>) -> Result<Self> {
        let (namespace, name): (AccountName, String) = (columns.get()?, columns.get()?);
        Self::new(namespace, &name).map_err(|_| Error::damaged("RepoId"))
    }
}

/// Declares an enum that is stored as a word.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Returns the word that is stored.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Parses the word that is stored.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::value::Bind for $name {
            fn bind(&self, to: &mut sqlx::any::AnyArguments) {
                self.as_str().bind(to);
            }

            fn bind_null(to: &mut sqlx::any::AnyArguments) {
                String::bind_null(to);
            }
        }

        impl $crate::value::Column for $name {
            fn read(row: &sqlx::any::AnyRow, index: usize) -> $crate::error::Result<Self> {
                let word: String = $crate::value::Column::read(row, index)?;
                Self::parse(&word).ok_or_else(|| $crate::error::Error::damaged(stringify!($name)))
            }
        }
    )*};
}
pub(crate) use words;
