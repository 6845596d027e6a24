-- People whom a provider of identities knows, the roles that its groups give, and programs that an issuer vouches for.

CREATE TABLE identity (
    issuer {key} NOT NULL,
    subject {key} NOT NULL,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (issuer, subject)
){clustered};
CREATE INDEX identity_user ON identity (user_id);

-- Sign-ins that came back from a provider; each comes back once.
CREATE TABLE used_sign_in (
    hash {blob} NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
){clustered};
CREATE INDEX used_sign_in_expiry ON used_sign_in (expires_at);

-- The issuer whose groups gave the role; NULL for a role that was given by hand.
ALTER TABLE membership ADD COLUMN issuer TEXT;

-- Programs that get tokens for a repo, or for all that an account owns, when an issuer vouches for these claims.
CREATE TABLE publisher (
    id {identity},
    account_id BIGINT REFERENCES account (id) ON DELETE CASCADE,
    repo_id BIGINT REFERENCES repo (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    claims TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX publisher_account ON publisher (account_id, id);
CREATE INDEX publisher_repo ON publisher (repo_id, id);
CREATE INDEX publisher_user ON publisher (user_id);

-- What a publisher was given ends with it.
ALTER TABLE token ADD COLUMN publisher_id BIGINT REFERENCES publisher (id) ON DELETE CASCADE;
CREATE INDEX token_publisher ON token (publisher_id) WHERE publisher_id IS NOT NULL;
