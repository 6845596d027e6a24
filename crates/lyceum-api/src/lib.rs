//! Machine interfaces: Hub API, resolve, LFS and Xet CAS over HTTP.
