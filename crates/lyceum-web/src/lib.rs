//! Human interface: pages rendered on the server.
