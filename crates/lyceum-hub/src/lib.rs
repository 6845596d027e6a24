//! Every use case as a method of Hub: authorisation, transactions, jobs; no HTTP, no SQL, no HTML.
