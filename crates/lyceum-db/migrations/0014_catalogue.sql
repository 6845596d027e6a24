-- What changed in the catalogue, so that search indexes follow. The database writes these rows itself: no way to change a
-- repo can forget them. Counters are not watched, except likes; whoever counts downloads notes them now and then.
CREATE TABLE catalogue_change (
    seq {identity},
    repo_id BIGINT,
    account_id BIGINT
);
-- There is always a last change to go on from.
INSERT INTO catalogue_change (repo_id) VALUES (NULL);

-- What a repo's card says, as plain words for the search.
CREATE TABLE repo_text (
    repo_id {number} NOT NULL PRIMARY KEY REFERENCES repo (id) ON DELETE CASCADE,
    text TEXT NOT NULL
);

-- only: sqlite
CREATE TRIGGER repo_made AFTER INSERT ON repo BEGIN
    INSERT INTO catalogue_change (repo_id) VALUES (new.id);
END;
CREATE TRIGGER repo_changed AFTER UPDATE OF owner_id, namespace, name, visibility, gated, disabled, sdk, head_at, likes, resource_group_id ON repo BEGIN
    INSERT INTO catalogue_change (repo_id) VALUES (new.id);
END;
CREATE TRIGGER repo_deleted AFTER DELETE ON repo BEGIN
    INSERT INTO catalogue_change (repo_id) VALUES (old.id);
END;
CREATE TRIGGER repo_info_made AFTER INSERT ON repo_info BEGIN
    INSERT INTO catalogue_change (repo_id) VALUES (new.repo_id);
END;
CREATE TRIGGER repo_info_changed AFTER UPDATE ON repo_info BEGIN
    INSERT INTO catalogue_change (repo_id) VALUES (new.repo_id);
END;
CREATE TRIGGER account_made AFTER INSERT ON account BEGIN
    INSERT INTO catalogue_change (account_id) VALUES (new.id);
END;
CREATE TRIGGER account_changed AFTER UPDATE OF name, full_name ON account BEGIN
    INSERT INTO catalogue_change (account_id) VALUES (new.id);
END;
CREATE TRIGGER account_deleted AFTER DELETE ON account BEGIN
    INSERT INTO catalogue_change (account_id) VALUES (old.id);
END;
-- end
-- only: postgres
CREATE FUNCTION note_repo_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO catalogue_change (repo_id) VALUES (OLD.id);
    ELSE
        INSERT INTO catalogue_change (repo_id) VALUES (NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION note_repo_info_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalogue_change (repo_id) VALUES (NEW.repo_id);
    RETURN NULL;
END $$;
CREATE FUNCTION note_account_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO catalogue_change (account_id) VALUES (OLD.id);
    ELSE
        INSERT INTO catalogue_change (account_id) VALUES (NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER repo_made AFTER INSERT OR DELETE ON repo FOR EACH ROW EXECUTE FUNCTION note_repo_change();
CREATE TRIGGER repo_changed AFTER UPDATE OF owner_id, namespace, name, visibility, gated, disabled, sdk, head_at, likes, resource_group_id ON repo
    FOR EACH ROW EXECUTE FUNCTION note_repo_change();
CREATE TRIGGER repo_info_changed AFTER INSERT OR UPDATE ON repo_info FOR EACH ROW EXECUTE FUNCTION note_repo_info_change();
CREATE TRIGGER account_made AFTER INSERT OR DELETE ON account FOR EACH ROW EXECUTE FUNCTION note_account_change();
CREATE TRIGGER account_changed AFTER UPDATE OF name, full_name ON account FOR EACH ROW EXECUTE FUNCTION note_account_change();
-- end
