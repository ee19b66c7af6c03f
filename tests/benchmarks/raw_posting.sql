-- The least that a posting is: a key, a guarded change of a balance, its movement, its journal entry. One round trip.
CREATE TABLE balance (id bigint PRIMARY KEY, quantity bigint NOT NULL CHECK (quantity >= 0), version bigint NOT NULL);
CREATE TABLE idempotency (account_id bigint, key text, digest text NOT NULL, status int NOT NULL, body text NOT NULL,
  PRIMARY KEY (account_id, key));
CREATE TABLE movement (id bigserial PRIMARY KEY, balance_id bigint NOT NULL REFERENCES balance, seq bigint NOT NULL,
  change bigint NOT NULL, after bigint NOT NULL CHECK (after >= 0), document text NOT NULL, UNIQUE (balance_id, seq));
CREATE TABLE journal (id bigserial PRIMARY KEY, at timestamptz NOT NULL, actor bigint NOT NULL, action text NOT NULL,
  payload text NOT NULL);
INSERT INTO balance SELECT n, 1000000, 0 FROM generate_series(1, {shelves}) n;
CREATE FUNCTION post(shelf bigint, client bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE left_there bigint; number bigint;
BEGIN
  INSERT INTO idempotency VALUES (client, gen_random_uuid()::text, md5(shelf::text), 201, '');
  UPDATE balance SET quantity = quantity - 1, version = version + 1 WHERE id = shelf AND quantity >= 1
    RETURNING quantity, version INTO left_there, number;
  INSERT INTO movement (balance_id, seq, change, after, document) VALUES (shelf, number, -1, left_there, 'raw');
  INSERT INTO journal (at, actor, action, payload) VALUES (now(), client, 'stock.post', shelf || ':' || number);
  RETURN number;
END $$;
