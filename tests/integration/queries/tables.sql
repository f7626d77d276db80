-- Tables that the query files of this directory read, beside PostfixAdmin's.
-- @HASH@ is replaced by a CRAM-MD5 hash with its prefix, @BARE@ by one
-- without, @PLAIN@ by the password itself.

INSERT INTO domain (domain, description, transport, active) VALUES
  ('example.org', '', 'virtual', 1), ('off.example', '', 'virtual', 0);
INSERT INTO mailbox (username, password, name, maildir, quota, local_part,
    domain, active) VALUES
  ('joe@example.org', '@HASH@', 'Joe', 'example.org/joe/', 1048576, 'joe',
   'example.org', 1),
  ('o''brien@example.org', '@HASH@', 'O''Brien', 'example.org/o''brien/', 0,
   'o''brien', 'example.org', 1),
  ('back\\slash@example.org', '@HASH@', 'Back\\slash',
   'example.org/back\\slash/', 0, 'back\\slash', 'example.org', 1),
  ('per%cent@example.org', '@HASH@', 'Per%cent', 'example.org/per%cent/', 0,
   'per%cent', 'example.org', 1),
  ('dou"ble@example.org', '@HASH@', 'Dou"ble', 'example.org/dou"ble/', 0,
   'dou"ble', 'example.org', 1),
  ('ques?tion@example.org', '@HASH@', 'Ques?tion', 'example.org/ques?tion/',
   0, 'ques?tion', 'example.org', 1),
  ('inactive@example.org', '@HASH@', 'Inactive', 'example.org/inactive/', 0,
   'inactive', 'example.org', 0),
  ('joe@off.example', '@HASH@', 'Joe', 'off.example/joe/', 0, 'joe',
   'off.example', 1),
  ('1001@example.org', '@HASH@', 'Number', 'example.org/1001/', 5, '1001',
   'example.org', 1),
  ('plain@example.org', '{PLAIN}@PLAIN@', 'Plain', 'example.org/plain/', 0,
   'plain', 'example.org', 1);
INSERT INTO alias_domain (alias_domain, target_domain) VALUES
  ('example.com', 'example.org');
INSERT INTO alias (address, goto, domain) VALUES
  ('info@example.org', 'joe@example.org', 'example.org'),
  ('joe@example.org', 'joe@example.org', 'example.org');

-- the shape of Dovecot's own example and default queries
CREATE TABLE users (
  username varchar(128) NOT NULL,
  domain varchar(128) NOT NULL,
  password varchar(255) NULL,
  home varchar(255) NOT NULL,
  uid int NOT NULL,
  gid int NOT NULL,
  active char(1) DEFAULT 'Y' NOT NULL
);
INSERT INTO users VALUES
  ('joe', 'example.org', '@HASH@', '/srv/mail/joe', 2000, 2000, 'Y'),
  ('null', 'example.org', NULL, '/srv/mail/null', 2000, 2000, 'Y'),
  ('two', 'example.org', '@HASH@', '/srv/mail/two-a', 2000, 2000, 'Y'),
  ('two', 'example.org', '@HASH@', '/srv/mail/two-b', 2001, 2001, 'Y'),
  ('empty', 'example.org', '', '/srv/mail/empty', 2000, 2000, 'Y'),
  ('o''brien', 'example.org', '@HASH@', '/srv/mail/o''brien', 2000, 2000,
   'Y');

-- every type of column that a query may return as text
CREATE TABLE kinds (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  login varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  secret varbinary(255) NOT NULL,
  k_tiny tinyint, k_small smallint unsigned, k_big bigint unsigned,
  k_zero int(8) unsigned zerofill, k_dec decimal(12,4),
  k_float float, k_double double, k_bit bit(8),
  k_date date, k_time time, k_datetime datetime, k_micro datetime(6),
  k_stamp timestamp NULL, k_year year,
  k_enum enum('imap','pop3') NULL, k_set set('a','b','c') NULL,
  k_char char(10), k_text text, k_blob blob
) DEFAULT CHARSET=utf8mb4;
INSERT INTO kinds VALUES
  (1, 'joe@example.org', '@HASH@', -5, 65535, 18446744073709551615, 42,
   12345.6700, 0.1, 1234567.891, b'01000001', '2024-02-29', '-12:34:56',
   '2024-02-29 23:59:59', '2024-02-29 23:59:59.120000',
   '2024-02-29 23:59:59', 2024, 'pop3', 'a,c', 'pad', 'some text',
   'some bytes'),
  (2, '1001@example.org', '@HASH@', 0, 0, 0, 0, 0, 1e20, 1e-20, b'01100001',
   '0000-00-00', '838:59:59', '0000-00-00 00:00:00',
   '1000-01-01 00:00:00.000001', '1970-01-02 00:00:00', 1901, 'imap', '',
   '', '', ''),
  (3, 'o''brien@example.org', '@HASH@', NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL);

-- who may use what (iRedMail, Froxlor and others have such columns)
CREATE TABLE services (
  address varchar(255) NOT NULL PRIMARY KEY,
  password varchar(255) NOT NULL,
  quota_kb int NOT NULL DEFAULT 0,
  imap enum('Y','N') NOT NULL DEFAULT 'Y',
  smtp enum('Y','N') NOT NULL DEFAULT 'N',
  nets varchar(255) NULL,
  open enum('Y','N') NOT NULL DEFAULT 'N'
) DEFAULT CHARSET=latin1 COLLATE=latin1_general_ci;
INSERT INTO services VALUES
  ('joe@example.org', '@HASH@', 2048, 'Y', 'N', '127.0.0.0/8', 'N'),
  ('smtp@example.org', '@HASH@', 0, 'N', 'Y', NULL, 'N'),
  ('far@example.org', '@HASH@', 0, 'Y', 'Y', '192.0.2.0/24,::1', 'N'),
  ('open@example.org', '', 0, 'Y', 'Y', NULL, 'Y');

DELIMITER //
CREATE PROCEDURE account(IN address varchar(255))
BEGIN
  SELECT m.username AS user, m.password FROM mailbox m
  WHERE m.username = address AND m.active = 1;
END //
CREATE PROCEDURE settings(IN address varchar(255))
BEGIN
  SELECT CONCAT('/srv/mail/', m.maildir) AS home, 2000 AS uid, 2000 AS gid
  FROM mailbox m WHERE m.username = address AND m.active = 1;
END //
DELIMITER ;
