# SPDX-License-Identifier: MIT
"""Queries of every shape that an answer for several lookups at once could get
wrong, the tables that they read, and names to ask for.

Owns only tables of texts. Each query is a user_query; its columns may be
called what they like, as all of them are in the answer.
"""

import contextlib
import itertools

import accounts
import pymysql

DATABASE = "shapes"
PASSWORD = "shapes-canary-8a"

# -- accounts

MAILBOXES = [
    # username, quota, active
    ("joe@example.org", 1048576, 1), ("anna@example.org", 0, 1),
    ("Mixed.Case@Example.org", 5, 1), ("o'brien@example.org", 0, 1),
    ("back\\slash@example.org", 1, 1), ("per%cent@example.org", 2, 1),
    ("under_score@example.org", 3, 1), ("underxscore@example.org", 4, 1),
    ("ques?tion@example.org", 0, 1), ('dou"ble@example.org', 0, 1),
    ("back`tick@example.org", 0, 1), ("inactive@example.org", 7, 0),
    ("joe@off.example", 8, 1), ("joe@example.com", 9, 1),
    ("pad@example.org  ", 10, 1), ("jos\u00e9@example.org", 11, 1),
    ("0@example.org", 12, 1), ("1@example.org", 13, 1),
    ("null@example.org", 14, 1), ("most@example.org", 2 ** 63 - 1, 1),
]
# longer than any column
LONG = "x" * 300 + "@example.org"
PEOPLE = [name for name, *_ in MAILBOXES] + [
    "JOE@Example.ORG", "mixed.case@example.org", "anna@example.org ",
    "anna@example.org   ", " anna@example.org", "pad@example.org",
    "jose@example.org", "jos\u00e9@ex\u00e1mple.org", "nobody@example.org",
    "joe@nowhere.example", "joe", "@example.org", "joe@", "_oe@example.org",
    "%@example.org", "joe@example.org@example.org", "joe' OR '1'='1",
    "joe@example.org' -- ", "joe\\", "''", "\\'", "?", "%u", "%", "0", "1",
    "NULL", "joe@example.org\t", "joe@example.org\n", "two@example.org",
    "three@example.org", "TWO@example.org", "far@example.org",
    LONG,
]

TABLES = r"""
CREATE TABLE several (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  address varchar(100) NOT NULL, home varchar(100), active char(1), rank int,
  KEY (address)
) DEFAULT CHARSET=latin1 COLLATE=latin1_general_ci;
INSERT INTO several (address, home, active, rank) VALUES
  ('joe@example.org', '/joe', '1', 1), ('anna@example.org', '/anna', '1', 1),
  ('two@example.org', '/two-b', '1', 2), ('two@example.org', '/two-a', '1', 1),
  ('three@example.org', '/a', '0', 3), ('three@example.org', NULL, '1', 2),
  ('THREE@example.org', '/a', '1', 1), ('far@example.org', NULL, NULL, NULL);
INSERT INTO several (address, home, active, rank)
  SELECT 'many@example.org', CONCAT('/many/', seq), '1', seq
  FROM seq_1_to_100;

-- columns and tables with names that are words of SQL, or of a wide form
CREATE TABLE `order` (
  `lookup` varchar(100) NOT NULL PRIMARY KEY, `k` varchar(100),
  `q` varchar(100), `b0` varchar(100), `from` varchar(100), `where` int,
  `group by` int, `select` int, `a FROM b` int, `tick``ed` int,
  `count` int, `percent%` int
);
INSERT INTO `order` VALUES
  ('joe@example.org', 'k', 'q', 'b0', 'from', 1, 2, 3, 4, 5, 6, 7),
  ('anna@example.org', 'joe@example.org', 'anna@example.org',
   'joe@example.org', 'from', 1, 2, 3, 4, 5, 6, 7);
CREATE TABLE k (username varchar(100), b0 varchar(100), `lookup` int);
INSERT INTO k VALUES ('joe@example.org', 'b-joe', 7),
  ('anna@example.org', 'b-anna', 0);

CREATE TABLE parts (
  id int NOT NULL, address varchar(100) NOT NULL, KEY (address)
) PARTITION BY RANGE (id) (
  PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20));
INSERT INTO parts VALUES (1, 'joe@example.org'), (2, 'anna@example.org'),
  (11, 'joe@example.org'), (12, 'two@example.org');

CREATE VIEW v_plain AS SELECT username, maildir, quota FROM mailbox;
CREATE VIEW v_active AS SELECT username, maildir FROM mailbox WHERE active = 1;
CREATE VIEW v_count AS
  SELECT address, COUNT(*) AS n FROM several GROUP BY address;
CREATE VIEW v_union AS SELECT username AS address FROM mailbox
  UNION ALL SELECT address FROM several;
CREATE VIEW v_limit AS SELECT username FROM mailbox ORDER BY username LIMIT 3;
CREATE VIEW v_number AS SELECT username,
  ROW_NUMBER() OVER (ORDER BY username) AS n FROM mailbox;

CREATE FUNCTION home_of(address varchar(255)) RETURNS varchar(255)
  READS SQL DATA RETURN (SELECT CONCAT('/f/', maildir) FROM mailbox
    WHERE username = address);
CREATE FUNCTION twice(value varchar(255)) RETURNS varchar(255)
  DETERMINISTIC RETURN CONCAT(value, value);
"""

MAILBOX = "FROM mailbox WHERE username = '%u'"
HOME = "SELECT CONCAT('/srv/', maildir) AS home, quota " + MAILBOX
SEVERAL = "FROM several WHERE address = '%u'"

CONDITIONS = {
    # -- one table and one name, as most sites have it
    "constants": "SELECT '/var/mail/%d/%n' AS home, 2000 AS uid, "
                 f"2000 AS gid {MAILBOX} AND active = '1'",
    "documented": "SELECT CONCAT('/var/mail/', maildir) AS home, 1001 AS uid,"
                  " 1001 AS gid, CONCAT('*:bytes=', quota) AS quota_rule "
                  f"{MAILBOX} AND active = '1'",
    "star": f"SELECT * {MAILBOX}",
    "table-star": "SELECT m.* FROM mailbox m WHERE m.username = '%u'",
    "as-alias": "SELECT m.maildir AS home FROM mailbox AS m "
                "WHERE m.username = '%u'",
    "qualified": "SELECT mailbox.maildir FROM mailbox "
                 "WHERE mailbox.username = '%u'",
    "database": f"SELECT maildir FROM {DATABASE}.mailbox "
                f"WHERE {DATABASE}.mailbox.username = '%u'",
    "quoted": "SELECT `maildir` AS `home`, `quota` FROM `mailbox` "
              "WHERE `username` = '%u' AND `active` = '1'",
    "double-quotes": 'SELECT maildir FROM mailbox WHERE username = "%u" '
                     'AND active = "1"',
    "lower-case": "select maildir as home from mailbox where username='%u'"
                  "and active=1",
    "blanks": "  SELECT\tmaildir\tFROM\tmailbox  WHERE\tusername\t=\t'%u' ",
    "semicolon": f"SELECT maildir {MAILBOX} ;",
    "parentheses": "SELECT maildir FROM mailbox WHERE (username = ('%u'))",
    "whole-in-parentheses": f"(SELECT maildir {MAILBOX})",
    "reversed": "SELECT maildir FROM mailbox WHERE '%u' = username",
    "last": "SELECT maildir FROM mailbox WHERE active = '1' AND "
            "username = '%u'",
    "two-columns": "SELECT maildir FROM mailbox WHERE username = '%u' "
                   "AND domain = '%d'",
    "no-address": "SELECT maildir FROM mailbox WHERE local_part = '%n' "
                  "AND domain = '%d'",
    "local-part": "SELECT username FROM mailbox WHERE local_part = '%n'",
    "lower": "SELECT username FROM mailbox WHERE username = '%Lu'",
    "put-together": "SELECT username FROM mailbox WHERE username = '%n@%d'",
    "affixes": "SELECT username FROM mailbox "
               "WHERE maildir = 'example.org/%n/'",
    "literals-side-by-side": "SELECT username FROM mailbox "
                             "WHERE username = '%n' '@' '%d'",

    # -- constant conditions
    "where-number": f"SELECT maildir {MAILBOX} AND active = 1",
    "where-flag": f"SELECT maildir {MAILBOX} AND active",
    "where-not": f"SELECT maildir {MAILBOX} AND NOT active",
    "where-unequal": f"SELECT maildir {MAILBOX} AND active <> 0",
    "where-greater": f"SELECT maildir {MAILBOX} AND quota > 4",
    "where-in": f"SELECT maildir {MAILBOX} AND active IN (1, 2)",
    "where-between": f"SELECT maildir {MAILBOX} AND quota BETWEEN 1 AND 9",
    "where-not-null": f"SELECT maildir {MAILBOX} AND name IS NOT NULL",
    "where-now": f"SELECT maildir {MAILBOX} AND created < NOW()",
    "where-like": f"SELECT maildir {MAILBOX} AND maildir LIKE '%%.org/%%'",
    "where-or": f"SELECT maildir {MAILBOX} AND (domain = 'example.org' OR "
                "domain = 'off.example')",
    "where-column": f"SELECT name {MAILBOX} AND domain <> local_part",
    "where-impossible": f"SELECT maildir {MAILBOX} AND 1 = 0",
    "where-string": f"SELECT maildir {MAILBOX} AND '1abc'",

    # -- conditions that are no such thing
    "or-true": f"SELECT COUNT(*) AS n {MAILBOX} OR 1",
    "or-true-rows": f"SELECT username {MAILBOX} OR 1 ORDER BY quota DESC",
    "or-pipes": f"SELECT username {MAILBOX} || quota = 5",
    "or-other": "SELECT username FROM mailbox WHERE username = '%u' OR "
                "name = 'Name of joe' ORDER BY username LIMIT 1",
    "or-other-rows": "SELECT username FROM mailbox WHERE username = '%u' OR "
                     "domain = '%d'",
    "or-precedence": "SELECT username FROM mailbox WHERE active = 0 OR "
                     "active = 1 AND username = '%u' ORDER BY username "
                     "LIMIT 1",
    "xor": "SELECT username FROM mailbox WHERE username = '%u' XOR "
           "quota = 5 ORDER BY username LIMIT 1",
    "not": "SELECT COUNT(*) AS n FROM mailbox WHERE NOT username = '%u'",
    "unequal": "SELECT COUNT(*) AS n FROM mailbox WHERE username <> '%u'",
    "not-rows": "SELECT username FROM mailbox WHERE NOT username = '%u' "
                "ORDER BY username DESC LIMIT 1",
    "is-false": "SELECT username FROM mailbox WHERE (username = '%u') IS "
                "FALSE ORDER BY username LIMIT 1",
    "equals-twice": "SELECT username FROM mailbox WHERE username = '%u' = 1",
    "equals-zero": "SELECT username FROM mailbox WHERE username = '%u' = 0 "
                   "ORDER BY username LIMIT 1",
    "compared-sum": "SELECT username FROM mailbox WHERE username = '%u' + 0 "
                    "ORDER BY username LIMIT 1",
    "null-safe": "SELECT id FROM several WHERE home <=> '%u' ORDER BY id "
                 "LIMIT 1",
    "in-one": "SELECT username FROM mailbox WHERE username IN ('%u')",
    "in-two": "SELECT username FROM mailbox WHERE username IN ('%u', "
              "'joe@example.org') ORDER BY username LIMIT 1",
    "in-both": "SELECT username FROM mailbox WHERE '%u' IN (username, name)",
    "in-row": "SELECT username FROM mailbox WHERE (local_part, domain) = "
              "('%n', '%d')",
    "between": "SELECT username FROM mailbox WHERE username BETWEEN '%u' AND "
               "'%u'",
    "greater": "SELECT username FROM mailbox WHERE username >= '%u' ORDER BY "
               "username LIMIT 1",
    "like": "SELECT username FROM mailbox WHERE username LIKE '%u' ORDER BY "
            "username LIMIT 1",
    "like-prefix": "SELECT username FROM mailbox WHERE username LIKE '%n@%%' "
                   "ORDER BY username LIMIT 1",
    "like-suffix": "SELECT COUNT(*) AS n FROM mailbox WHERE username LIKE "
                   "'%%@%d'",
    "like-reversed": "SELECT username FROM mailbox WHERE '%u' LIKE username "
                     "ORDER BY username LIMIT 1",
    "regexp": "SELECT COUNT(*) AS n FROM mailbox WHERE local_part REGEXP "
              "'^[%d]+$'",
    "sounds-like": "SELECT COUNT(*) AS n FROM mailbox WHERE local_part "
                   "SOUNDS LIKE '%n'",
    "binary-column": "SELECT username FROM mailbox WHERE BINARY username = "
                     "'%u'",
    "binary-value": "SELECT username FROM mailbox WHERE username = BINARY "
                    "'%u'",
    "collate-value": "SELECT username FROM mailbox WHERE username = '%u' "
                     "COLLATE utf8mb4_bin",
    "collate-column": "SELECT username FROM mailbox WHERE username COLLATE "
                      "latin1_bin = '%u'",
    "convert": "SELECT username FROM mailbox WHERE CONVERT(username USING "
               "utf8mb4) = CONVERT('%u' USING utf8mb4)",
    "cast": "SELECT username FROM mailbox WHERE username = CAST('%u' AS "
            "CHAR(15))",
    "lower-column": "SELECT username FROM mailbox WHERE LOWER(username) = "
                    "LOWER('%u')",
    "concat-column": "SELECT username FROM mailbox WHERE CONCAT(local_part, "
                     "'@', domain) = '%u'",
    "trim": "SELECT username FROM mailbox WHERE username = TRIM('%u')",
    "trim-from": "SELECT username FROM mailbox WHERE username = "
                 "TRIM(TRAILING 'g' FROM '%ug')",
    "if-value": "SELECT username FROM mailbox WHERE username = IF('%d' = "
                "'example.com', 'joe@example.org', '%u')",
    "case-value": "SELECT username FROM mailbox WHERE username = CASE '%n' "
                  "WHEN 'anna' THEN 'joe@example.org' ELSE '%u' END",
    "coalesce": "SELECT username FROM mailbox WHERE username = "
                "COALESCE(NULLIF('%d', 'example.com'), '%u')",
    "substring": "SELECT username FROM mailbox WHERE local_part = "
                 "SUBSTRING_INDEX('%u', '@', 1) ORDER BY username LIMIT 1",
    "twice": f"SELECT maildir {MAILBOX} AND '%u' = username AND "
             "local_part = '%n'",
    "only-value": "SELECT username FROM mailbox WHERE '%u' ORDER BY username "
                  "LIMIT 1",
    "values-alone": "SELECT COUNT(*) AS n FROM mailbox WHERE '%d' = "
                    "'example.org'",

}

ROWS = {
    # -- none, one, several
    "several": f"SELECT home, rank {SEVERAL}",
    "several-ordered": f"SELECT home, rank {SEVERAL} ORDER BY rank",
    "several-backwards": f"SELECT home, rank {SEVERAL} ORDER BY id DESC",
    "limit-1": f"SELECT home {SEVERAL} ORDER BY rank LIMIT 1",
    "limit-bare": f"SELECT address {SEVERAL} LIMIT 1",
    "limit-0": f"SELECT home {SEVERAL} LIMIT 0",
    "limit-2": f"SELECT home, rank {SEVERAL} ORDER BY rank LIMIT 2",
    "limit-comma": f"SELECT home {SEVERAL} ORDER BY rank LIMIT 1, 1",
    "limit-offset": f"SELECT home {SEVERAL} ORDER BY rank LIMIT 1 OFFSET 1",
    "fetch-first": f"SELECT home {SEVERAL} ORDER BY rank OFFSET 1 ROW FETCH "
                   "FIRST 1 ROW ONLY",
    "fetch-ties": f"SELECT address {SEVERAL} ORDER BY address FETCH FIRST 1 "
                  "ROW WITH TIES",
    "rows-examined": f"SELECT maildir {MAILBOX} LIMIT ROWS EXAMINED 5",
    "rows-examined-several": "SELECT home FROM several IGNORE INDEX (address) "
                             "WHERE address = '%u' ORDER BY rank LIMIT 1 "
                             "ROWS EXAMINED 250",
    "order-column": f"SELECT home {SEVERAL} ORDER BY 1 LIMIT 1",
    "order-null": f"SELECT rank {SEVERAL} ORDER BY home IS NULL, home LIMIT "
                  "1",
    "order-value": "SELECT username FROM mailbox ORDER BY username = '%u' "
                   "DESC, username LIMIT 1",
    "order-other": "SELECT maildir FROM mailbox WHERE username = '%u' ORDER "
                   "BY quota",
    "many": "SELECT MAX(rank) AS n FROM several WHERE address = "
            "'many@example.org' AND rank > LENGTH('%n')",
    "many-rows": "SELECT rank FROM several WHERE address = "
                 "'many@example.org' AND rank > LENGTH('%n') ORDER BY rank",
    "distinct": f"SELECT DISTINCT address {SEVERAL}",
    "distinct-row": f"SELECT DISTINCTROW home IS NULL AS missing {SEVERAL} "
                    "ORDER BY missing LIMIT 1",
    "distinct-domain": "SELECT DISTINCT domain FROM mailbox WHERE "
                       "local_part = '%n' ORDER BY domain LIMIT 1",
    "all": f"SELECT ALL address {SEVERAL} LIMIT 1",
    "null-column": f"SELECT home, active, NULL AS nothing {SEVERAL} ORDER BY "
                   "rank LIMIT 1",

    # -- groups: a row even where there is none
    "count": f"SELECT COUNT(*) AS n {MAILBOX}",
    "count-active": f"SELECT COUNT(*) AS n, '%u' AS who {MAILBOX} AND active",
    "max": f"SELECT MAX(rank) AS most, MIN(home) AS home {SEVERAL}",
    "sum": f"SELECT SUM(rank) AS s, AVG(rank) AS a, STD(rank) AS d {SEVERAL}",
    "group-concat": "SELECT GROUP_CONCAT(home ORDER BY rank SEPARATOR ' ') "
                    f"AS homes {SEVERAL}",
    "json-group": "SELECT JSON_ARRAYAGG(rank ORDER BY rank) AS ranks "
                  f"{SEVERAL}",
    "count-column": f"SELECT COUNT(home) AS n, COUNT(DISTINCT home) AS d "
                    f"{SEVERAL}",
    "aggregate-constant": f"SELECT MAX(1) AS one, '%n' AS who {MAILBOX}",
    "aggregate-where": f"SELECT BIT_OR(quota) AS bits {MAILBOX}",
    "group-by": f"SELECT active, COUNT(*) AS n {SEVERAL} GROUP BY active "
                "ORDER BY active LIMIT 1",
    "group-address": f"SELECT COUNT(*) AS n {SEVERAL} GROUP BY address",
    "group-none": "SELECT MAX(quota) AS q FROM mailbox WHERE username = '%u' "
                  "GROUP BY domain",
    "rollup": f"SELECT active, COUNT(*) AS n {SEVERAL} GROUP BY active WITH "
              "ROLLUP",
    "having": f"SELECT COUNT(*) AS n {SEVERAL} GROUP BY address HAVING n > 1",
    "having-only": "SELECT username AS who FROM mailbox HAVING who = '%u'",
    "having-where": f"SELECT quota {MAILBOX} HAVING quota > 4",
    "having-aggregate": f"SELECT 1 AS yes {MAILBOX} HAVING COUNT(*) = 0",
    "window-count": f"SELECT COUNT(*) OVER () AS n {SEVERAL} LIMIT 1",
    "window-number": f"SELECT home, ROW_NUMBER() OVER (ORDER BY rank) AS n "
                     f"{SEVERAL} ORDER BY n LIMIT 1",
    "window-rank": f"SELECT RANK() OVER (ORDER BY quota) AS n {MAILBOX}",
    "window-lag": f"SELECT LAG(home) OVER (ORDER BY rank) AS previous "
                  f"{SEVERAL} ORDER BY rank DESC LIMIT 1",
    "window-named": f"SELECT SUM(quota) OVER w AS n {MAILBOX} WINDOW w AS "
                    "(ORDER BY username)",

    # -- several tables
    "join": "SELECT m.maildir AS home FROM mailbox m INNER JOIN domain d ON "
            "m.domain = d.domain WHERE m.username = '%u' AND d.active = 1",
    "join-using": "SELECT maildir FROM mailbox JOIN domain USING (domain) "
                  "WHERE username = '%u'",
    "natural-join": "SELECT COUNT(*) AS n FROM k NATURAL JOIN mailbox WHERE "
                    "username = '%u'",
    "comma": "SELECT m.maildir FROM mailbox m, domain d WHERE m.username = "
             "'%u' AND d.domain = m.domain AND d.active = '1'",
    "comma-cross": "SELECT COUNT(*) AS n FROM mailbox m, domain d WHERE "
                   "m.username = '%u'",
    "left-join": "SELECT m.username, s.home FROM mailbox m LEFT JOIN several "
                 "s ON s.address = m.username AND s.active = '1' WHERE "
                 "m.username = '%u'",
    "left-join-value": "SELECT m.username, s.home FROM mailbox m LEFT JOIN "
                       "several s ON s.address = '%u' WHERE m.username = "
                       "'joe@example.org' ORDER BY s.rank LIMIT 1",
    "right-join": "SELECT m.quota, s.rank FROM mailbox m RIGHT JOIN several "
                  "s ON s.address = m.username WHERE s.address = '%u' ORDER "
                  "BY s.rank LIMIT 1",
    "straight-join": "SELECT STRAIGHT_JOIN m.maildir FROM mailbox m JOIN "
                     "domain d WHERE m.username = '%u' AND d.domain = '%d'",
    "straight-join-tables": "SELECT m.maildir FROM mailbox m STRAIGHT_JOIN "
                            "domain d ON d.domain = m.domain WHERE "
                            "m.username = '%u'",
    "self-join": "SELECT b.address, b.home FROM several a JOIN several b ON "
                 "a.address = b.address AND a.id <= b.id WHERE a.address = "
                 "'%u' ORDER BY a.id, b.id LIMIT 1",
    "alias-domain": "SELECT username, '%u' AS asked FROM mailbox m JOIN "
                    "alias_domain a ON a.target_domain = m.domain WHERE "
                    "a.alias_domain = '%d' AND m.local_part = '%n'",
    "parenthesised-join": "SELECT m.maildir FROM (mailbox m JOIN domain d ON "
                          "d.domain = m.domain) WHERE m.username = '%u'",
    "same-column-names": "SELECT m.active, d.active FROM mailbox m, domain d "
                         "WHERE m.username = '%u' AND d.domain = '%d'",
    "column-twice": f"SELECT quota, quota {MAILBOX}",
    "star-of-two": "SELECT * FROM mailbox m, domain d WHERE m.username = "
                   "'%u' AND d.domain = m.domain",

}

SELECTS = {
    # -- selects within
    "scalar": "SELECT (SELECT maildir FROM mailbox WHERE username = '%u') AS "
              "home",
    "scalar-column": "SELECT (SELECT COUNT(*) FROM several s WHERE s.address "
                     f"= mailbox.username) AS n {MAILBOX}",
    "scalar-value": "SELECT (SELECT MAX(rank) FROM several WHERE address = "
                    f"'%u') AS n {MAILBOX}",
    "scalar-from": f"SELECT (SELECT description FROM domain WHERE domain = "
                   f"'%d') AS about, maildir {MAILBOX}",
    "exists": "SELECT maildir FROM mailbox m WHERE m.username = '%u' AND "
              "EXISTS (SELECT 1 FROM domain d WHERE d.domain = '%d' AND "
              "d.active = 1)",
    "not-exists": "SELECT '%u' AS free FROM DUAL WHERE NOT EXISTS (SELECT 1 "
                  "FROM mailbox WHERE username = '%u')",
    "in-select": f"SELECT maildir {MAILBOX} AND domain IN (SELECT domain "
                 "FROM domain WHERE active = 1)",
    "not-in-select": f"SELECT maildir {MAILBOX} AND username NOT IN (SELECT "
                     "address FROM several WHERE active = '1')",
    "equals-select": "SELECT username FROM mailbox WHERE username = (SELECT "
                     "address FROM several WHERE address = '%u' LIMIT 1)",
    "from-select": "SELECT home FROM (SELECT maildir AS home, username FROM "
                   "mailbox WHERE username = '%u') AS s WHERE s.username = "
                   "'%u'",
    "from-select-limit": "SELECT * FROM (SELECT username, quota FROM mailbox "
                         "ORDER BY username LIMIT 5) q WHERE username = '%u'",
    "from-select-count": "SELECT n FROM (SELECT COUNT(*) AS n FROM mailbox "
                         "WHERE username = '%u') k",
    "any": "SELECT username FROM mailbox WHERE username = '%u' AND quota >= "
           "ALL (SELECT rank FROM several WHERE address = '%u' AND rank IS "
           "NOT NULL)",
    "select-limit": f"SELECT quota {MAILBOX} AND quota > (SELECT rank FROM "
                    "several WHERE address = 'two@example.org' ORDER BY rank "
                    "LIMIT 1)",
    "with": "WITH found AS (SELECT maildir FROM mailbox WHERE username = "
            "'%u') SELECT maildir FROM found",
    "union": f"SELECT username {MAILBOX} UNION SELECT address {SEVERAL}",
    "union-all": f"SELECT username {MAILBOX} UNION ALL SELECT address "
                 f"{SEVERAL} ORDER BY username LIMIT 1",
    "union-parts": f"(SELECT '/a' AS home {MAILBOX}) UNION ALL (SELECT '/b' "
                   f"{SEVERAL}) ORDER BY home LIMIT 1",
    "intersect": f"SELECT username {MAILBOX} INTERSECT SELECT address "
                 f"{SEVERAL}",
    "except": f"SELECT username {MAILBOX} EXCEPT SELECT address {SEVERAL}",
    "view": "SELECT maildir AS home FROM v_plain WHERE username = '%u'",
    "view-where": "SELECT maildir FROM v_active WHERE username = '%u'",
    "view-group": "SELECT n FROM v_count WHERE address = '%u'",
    "view-union": "SELECT COUNT(*) AS n FROM v_union WHERE address = '%u'",
    "view-union-rows": "SELECT address FROM v_union WHERE address = '%u'",
    "view-limit": "SELECT username FROM v_limit WHERE username = '%u'",
    "view-window": "SELECT n FROM v_number WHERE username = '%u'",
    "no-table": "SELECT '/srv/%n' AS home, '%d' AS zone",
    "no-table-where": "SELECT '/srv/%n' AS home FROM DUAL WHERE '%d' = "
                      "'example.org'",
    "function": "SELECT home_of('%u') AS home",
    "function-where": "SELECT home_of(username) AS home FROM mailbox WHERE "
                      "username = '%u'",
    "function-value": "SELECT twice('%n') AS twice FROM mailbox WHERE "
                      "username = '%u'",
    "partition": "SELECT id FROM parts PARTITION (p0) WHERE address = '%u'",
    "partitions": "SELECT id FROM parts WHERE address = '%u' ORDER BY id "
                  "DESC",
    "sequence-table": "SELECT COUNT(*) AS n FROM seq_1_to_10 WHERE seq <= "
                      "LENGTH('%n')",

    # -- what depends on how often something runs, and where
    "user-variable": f"SELECT @n := IFNULL(@n, 0) * 0 + 1 AS n {MAILBOX}",
    "user-variable-read": f"SELECT @nobody AS n, maildir {MAILBOX}",
    "system-variable": f"SELECT @@autocommit AS auto, maildir {MAILBOX}",
    "seeded-random": f"SELECT RAND(5) AS n {MAILBOX}",
    "seeded-random-where": f"SELECT username {MAILBOX} AND RAND(5) < 0.5",
    "random-nothing": f"SELECT FLOOR(RAND()) AS n, maildir {MAILBOX}",
    "random-order": f"SELECT LOWER(address) AS a {SEVERAL} ORDER BY RAND() "
                    "LIMIT 1",
    "uuid": f"SELECT LENGTH(UUID()) AS n {MAILBOX}",
    "now": f"SELECT NOW() > '2001-01-01' AS late, maildir {MAILBOX}",
    "user": f"SELECT DATABASE() AS d, maildir {MAILBOX}",
    "row-number": f"SELECT ROWNUM() AS n {SEVERAL} LIMIT 1",
    "row-number-where": f"SELECT home {SEVERAL} AND ROWNUM() <= 1",
    "for-update": f"SELECT maildir {MAILBOX} LOCK IN SHARE MODE",
    "calc-found-rows": f"SELECT SQL_CALC_FOUND_ROWS home {SEVERAL} ORDER BY "
                       "rank LIMIT 1",
    "no-cache": f"SELECT SQL_NO_CACHE maildir {MAILBOX}",
    "big-result": f"SELECT SQL_BIG_RESULT maildir {MAILBOX}",
    "buffer-result": f"SELECT SQL_BUFFER_RESULT maildir {MAILBOX}",
    "high-priority": f"SELECT HIGH_PRIORITY maildir {MAILBOX}",
    "use-index": "SELECT home FROM several USE INDEX (address) WHERE address "
                 "= '%u' ORDER BY rank LIMIT 1",
    "force-index": "SELECT home FROM several FORCE INDEX (address) WHERE "
                   "address = '%u' ORDER BY rank LIMIT 1",
    "ignore-index": "SELECT home FROM several AS s IGNORE INDEX (address) "
                    "WHERE s.address = '%u' ORDER BY rank LIMIT 1",

}

WORDS = {
    # -- words, quotes and comments
    "comment": f"SELECT maildir /* FROM nowhere; it's */ {MAILBOX}",
    "comment-end": f"SELECT maildir {MAILBOX} -- only %%u",
    "comment-hash": f"SELECT maildir {MAILBOX} # it's",
    "comment-counts": "SELECT maildir FROM mailbox /*! WHERE username = '%u' "
                      "*/",
    "comment-mariadb": f"SELECT maildir /*M! , quota */ {MAILBOX}",
    "comment-version": f"SELECT maildir {MAILBOX} /*!40000 AND active = 1 */",
    "hint": f"SELECT /*+ no such hint */ maildir {MAILBOX}",
    "comment-first": f"/* ours */ SELECT maildir {MAILBOX}",
    "literal-from": f"SELECT ' FROM ' AS a, 'it''s ? \\' FROM' AS b {MAILBOX}",
    "literal-lookup": f"SELECT 7 AS `lookup`, maildir {MAILBOX}",
    "literal-at": f"SELECT '@n := 1 /* */' AS a, maildir {MAILBOX}",
    "literal-escape": f"SELECT 'tab\\t%n\\\\' AS a, \"say \"\"%n\"\"\" AS b "
                      f"{MAILBOX}",
    "alias-from": f"SELECT quota AS `a FROM b`, maildir AS `? ?` {MAILBOX}",
    "alias-string": f"SELECT quota AS 'how much', maildir \"where\" {MAILBOX}",
    "alias-bare": f"SELECT quota amount, maildir home {MAILBOX}",
    "from-in-function": "SELECT EXTRACT(YEAR FROM '2024-02-29') AS y, "
                        "SUBSTRING('%u' FROM 2 FOR 3) AS s, TRIM(BOTH 'j' "
                        f"FROM '%n') AS t {MAILBOX}",
    "keywords": "SELECT `k`, `q`, `b0`, `from`, `where`, `group by`, "
                "`select`, `a FROM b`, `tick``ed`, count FROM `order` WHERE "
                "`lookup` = '%u'",
    "keyword-k": "SELECT `lookup`, `b0` FROM `order` WHERE `k` = '%u'",
    "keyword-q": "SELECT `lookup` FROM `order` WHERE `q` = '%u'",
    "keyword-b0": "SELECT `lookup` FROM `order` WHERE `b0` = '%u'",
    "keyword-percent": "SELECT `percent%%` FROM `order` WHERE `lookup` = "
                       "'%u'",
    "table-k": "SELECT b0, `lookup` FROM k WHERE username = '%u'",
    "alias-k": "SELECT k.maildir FROM mailbox k WHERE k.username = '%u'",
    "alias-q": "SELECT q.maildir FROM mailbox q WHERE q.username = '%u'",
    "column-like-value": "SELECT b0 AS `lookup`, username AS b0 FROM k WHERE "
                         "username = '%u'",

    # -- what a value is when it is no key
    "value-type": f"SELECT CHARSET('%u') AS c, COLLATION('%u') AS o {MAILBOX}",
    "value-coercibility": f"SELECT COERCIBILITY('%u') AS c {MAILBOX}",
    "value-text": "SELECT '%u' AS who, HEX('%u') AS hex, CHAR_LENGTH('%u') "
                  f"AS n, REVERSE('%n') AS r {MAILBOX}",
    "value-number": f"SELECT '%n' + 0 AS sum_, '%n' * 1.5 AS product, -'%n' "
                    f"AS minus_, '%n' DIV 2 AS half {MAILBOX}",
    "value-compared": "SELECT '%u' = 'JOE@EXAMPLE.ORG' AS same, '%n' < 'k' "
                      f"AS small, '%n' LIKE 'J%%' AS j, '%n' IS NULL AS n, "
                      f"STRCMP('%n', 'JOE') AS c {MAILBOX}",
    "value-collate": "SELECT '%u' COLLATE utf8mb4_bin = 'JOE@example.org' AS "
                     f"same {MAILBOX}",
    "value-cast": "SELECT CAST('%n' AS CHAR(3)) AS c, CAST('%n' AS SIGNED) "
                  f"AS i, CAST('%n' AS DECIMAL(5,2)) AS d {MAILBOX}",
    "value-case": "SELECT CASE WHEN '%n' = 'joe' THEN 1 WHEN '%d' = "
                  f"'off.example' THEN 'off' ELSE NULL END AS what {MAILBOX}",
    "value-if": "SELECT IF('%n' = 'joe', 5, '%d') AS what, IFNULL(NULLIF("
                f"'%n', 'anna'), 0) AS other {MAILBOX}",
    "value-concat": f"SELECT CONCAT(maildir, '%u', quota) AS c {MAILBOX}",
    "value-greatest": "SELECT GREATEST('%n', username) AS g, LEAST('%n', "
                      f"quota) AS l {MAILBOX}",
    "value-json": f"SELECT JSON_OBJECT('u', '%u') AS j {MAILBOX}",
    "value-hash": f"SELECT MD5('%u') AS m, SHA1('%n') AS s {MAILBOX}",
    "value-date": "SELECT '2024-02-28' + INTERVAL '%n' DAY AS d, "
                  f"DATE('%n') AS t {MAILBOX}",
    "value-field": f"SELECT FIELD('%n', 'anna', 'JOE') AS f {MAILBOX}",
    "value-unhex": f"SELECT HEX(UNHEX('%n')) AS u {MAILBOX}",
    "value-convert": "SELECT CHARSET(CONCAT('%u', 'x')) AS a, CHARSET(CONCAT("
                     f"maildir, '%u')) AS b {MAILBOX}",

    # -- how a column reads
    "types": "SELECT k_int, k_big, k_dec, k_double, k_float, k_zero, k_date, "
             "k_time, k_datetime, k_stamp, k_year, k_bool, k_enum, k_set, "
             "k_char, k_varbin, k_text, k_blob, k_uuid, k_inet, k_json FROM "
             "typed WHERE label = '%n'",
    "type-bits": "SELECT k_bit, k_binary FROM typed WHERE label = '%n'",
    "type-zerofill": "SELECT k_zero FROM typed WHERE label = '%n'",
    "types-without-zerofill": "SELECT k_int, k_big, k_dec, k_double, k_float "
                              "FROM typed WHERE label = '%n'",
    "types-expressions": "SELECT k_dec * 3 AS a, k_double / 3 AS b, 10 / 4 "
                         "AS c, 0.1 + 0.2 AS d, 1e0 AS e, k_float + 0 AS f, "
                         "k_date + INTERVAL 1 DAY AS g, TIMEDIFF('12:00:00', "
                         "'11:30:00') AS h, TRUE AS i, x'4142' AS j, k_zero "
                         "+ 0 AS l, IFNULL(k_zero, 1) AS m, -k_big AS n, "
                         "COALESCE(k_dec, k_double) AS o FROM typed WHERE "
                         "label = '%n'",
}

# -- password queries, whose rows are counted

HASH = "'{PLAIN}" + accounts.RIGHT + "' AS password"
PASSWORDS = {
    "password-simple": f"SELECT username AS user, password {MAILBOX}",
    "password-several": f"SELECT address AS user, {HASH} {SEVERAL}",
    "password-several-limit": f"SELECT address AS user, {HASH}, home AS "
                              f"userdb_home {SEVERAL} ORDER BY rank LIMIT 1",
    "password-null": f"SELECT address AS user, IF(home IS NULL, NULL, "
                     f"'{{PLAIN}}{accounts.RIGHT}') AS password {SEVERAL} "
                     "ORDER BY rank LIMIT 1",
    "password-other-user": f"SELECT CONCAT(local_part, '@', domain) AS user, "
                           f"password, '%u' AS userdb_asked {MAILBOX}",
    "password-union": f"SELECT username AS user, password {MAILBOX} UNION "
                      f"ALL SELECT address, '{{PLAIN}}{accounts.RIGHT}' "
                      f"{SEVERAL}",
    "password-join": f"SELECT m.username AS user, m.password FROM mailbox m, "
                     "several s WHERE m.username = '%u' AND s.address = "
                     "m.username",
    "password-missing": f"SELECT username AS user, maildir {MAILBOX}",
    "password-default": f"SELECT COALESCE(MAX(username), '%u') AS user, "
                        f"{HASH} {MAILBOX}",
    "password-with-condition": f"SELECT username AS user, password {MAILBOX} "
                               "AND ('%s' <> 'imap' OR quota > 4)",
}

# -- columns of every type as the key

TYPED = """
CREATE TABLE typed (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY, label varchar(20),
  k_int int, k_big bigint unsigned, k_dec decimal(30,10), k_double double,
  k_float float, k_zero int(6) unsigned zerofill, k_date date, k_time time,
  k_datetime datetime, k_stamp timestamp NULL, k_year year, k_bit bit(16),
  k_bool boolean, k_enum enum('pop3', 'imap', '1', '10'),
  k_set set('a', 'b', 'c'), k_char char(20), k_binary binary(20),
  k_varbin varbinary(40), k_text text, k_blob blob, k_uuid uuid, k_inet inet6,
  k_json json,
  KEY (k_int), KEY (k_big), KEY (k_dec), KEY (k_double), KEY (k_float),
  KEY (k_zero), KEY (k_date), KEY (k_time), KEY (k_datetime), KEY (k_stamp),
  KEY (k_year), KEY (k_bit), KEY (k_enum), KEY (k_set), KEY (k_char),
  KEY (k_binary), KEY (k_varbin), KEY (k_text(10)), KEY (k_blob(10)),
  KEY (k_uuid), KEY (k_inet), KEY (label)
) DEFAULT CHARSET=utf8mb4;
INSERT INTO typed VALUES
  (1, '1', 1, 1, 1, 1, 1, 1, '2024-02-29', '12:34:56', '2024-02-29 12:34:56',
   '2024-02-29 12:34:56', 2024, 49, 1, 'pop3', 'a', '1', '1', '1', '1', '1',
   '123e4567-e89b-12d3-a456-426614174000', '::1', '1'),
  (2, 'joe', 0, 0, 0, 0, 0, 0, '2001-01-01', '00:00:00',
   '2024-02-29 00:00:00', '2001-01-01 00:00:00', 2001, 12592, 0, 'imap', 'a,c',
   'joe', 'joe', 'joe', 'joe', 'joe', '00000000-0000-0000-0000-000000000001',
   '::ffff:192.0.2.1', '"joe"'),
  (3, 'big', 2147483647, 9007199254740993, 9007199254740993, 9007199254740992,
   16777216, 999999, '9999-12-31', '838:59:59', '9999-12-31 23:59:59',
   '2038-01-19 03:14:07', 2155, 65535, 1, '1', 'b', 'JOE', 'JOE', 'JOE', 'JOE',
   'JOE', NULL, NULL, 'null'),
  (4, 'most', -2147483648, 18446744073709551615, 0.1, 0.1, 0.1, 10,
   '2024-01-01', '-12:34:56', '2024-01-01 00:00:00', '2024-01-01 00:00:00',
   1901, 97, 0, '10', '', 'joe ', 'joe ', 'joe ', 'joe ', 'joe ', NULL, NULL,
   '[]'),
  (5, 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (6, 'neighbour', 10, 9007199254740992, 9007199254740992, 1e20, 1e20, 100,
   '2024-02-29', '12:34:56', '2024-02-29 12:34:56', '2024-02-29 12:34:56',
   2024, 49, 1, 'pop3', 'a', 'jos\u00e9', 'jos\u00e9', 'jos\u00e9',
   'jos\u00e9', 'jos\u00e9', NULL, NULL, '{}');
"""
KEYS = ("int", "big", "dec", "double", "float", "zero", "date", "time",
        "datetime", "stamp", "year", "bit", "bool", "enum", "set", "char",
        "binary", "varbin", "text", "blob", "uuid", "inet", "json")
TYPES = {f"key-{key}": f"SELECT id AS nr FROM typed WHERE k_{key} = '%n'"
         for key in KEYS}
VALUES = [value + "@example.org" for value in (
    "1", "01", "1.0", "1e0", "1abc", " 1", "1 ", "+1", "-0", "0", "00", "10",
    "000010", "100", "0x31", "joe", "JOE", "joe ", "joe   ", " joe", "jose",
    "jos\u00e9", "abc", "null", "NULL", "true", "2147483647", "2147483648",
    "-2147483648", "9007199254740992", "9007199254740993",
    "18446744073709551614", "18446744073709551615", "18446744073709551616",
    "0.1", ".1", "0.10", "1e20", "100000000000000000000", "16777217",
    "2024-02-29", "20240229", "2024-2-29", "24-02-29", "2024-02-30",
    "2024-02-29 12:34:56", "2024-02-29T12:34:56", "2024-02-29 00:00:00",
    "2024", "24", "2001", "12:34:56", "123456", "-12:34:56", "838:59:59",
    "900:00:00", "pop3", "POP3", "imap", "2", "a", "A", "a,c", "c,a", "a,a",
    "b", "3", "123e4567-e89b-12d3-a456-426614174000",
    "123E4567E89B12D3A456426614174000", "::1", "0:0:0:0:0:0:0:1",
    "::ffff:192.0.2.1", "192.0.2.1", '"joe"', "[]", "{}", "big", "most",
    "neighbour", "%", "_", "'", "\\",
)]

# -- columns of every sort of collation

COLLATIONS = (
    "latin1_swedish_ci", "latin1_general_ci", "latin1_general_cs",
    "latin1_german2_ci", "latin1_bin", "latin1_nopad_bin",
    "utf8mb3_general_ci", "utf8mb3_bin", "utf8mb4_general_ci",
    "utf8mb4_unicode_ci", "utf8mb4_bin", "utf8mb4_nopad_bin",
    "utf8mb4_unicode_520_nopad_ci", "utf8mb4_uca1400_ai_ci",
    "utf8mb4_uca1400_as_cs", "utf8mb4_turkish_ci", "utf8mb4_danish_ci",
    "utf8mb4_spanish2_ci", "utf8mb4_german2_ci", "ascii_general_ci",
    "ascii_bin", "binary", "ucs2_general_ci", "utf16_unicode_ci",
    "utf32_general_ci", "latin2_czech_cs", "cp1250_general_ci",
    "cp1251_general_ci", "koi8r_general_ci", "greek_general_ci",
    "sjis_japanese_ci", "big5_chinese_ci", "gbk_chinese_ci",
    "tis620_thai_ci", "swe7_swedish_ci",
)
# Rows of each table, as far as it can hold them.
SPELLINGS = [
    "joe@example.org", "JOE@example.org", "pad@example.org ",
    "anna@example.org", "anna@example.org  ", "tab@example.org\t",
    "jos\u00e9@example.org", "jose@example.org", "\u00fcber@example.org",
    "stra\u00dfe@example.org", "strasse@example.org", "idle@example.org",
    "\u0131dle@example.org", "IDLE@example.org", "aalborg@example.org",
    "\u00e5lborg@example.org", "llama@example.org", "chico@example.org",
    "so\u00adft@example.org", "zero\u200bwidth@example.org",
    "\u212aelvin@example.org", "\uff46ull@example.org",
    "\u0441\u043e\u043c@example.org", "o'brien@example.org",
    "back\\slash@example.org", "brace{}[]|~^@example.org", "",
]
SPELLED = [name for name in SPELLINGS if name] + [
    "Joe@Example.Org", "joe@example.org ", "pad@example.org",
    "pad@example.org   ", "ANNA@example.org", "anna@example.org ",
    "tab@example.org", "uber@example.org", "ueber@example.org",
    "\u0130dle@example.org", "alborg@example.org", "soft@example.org",
    "zerowidth@example.org", "kelvin@example.org", "full@example.org",
    "cico@example.org", "lama@example.org", "com@example.org",
    "back\u00a5slash@example.org", "brace\u00e4\u00e5\u00c4\u00c5@example.org",
    "BRACE{}[]|~^@EXAMPLE.ORG", "?@example.org", "jos?@example.org",
    "nobody@example.org", " ", "0",
]


def spelling_tables():
    """Statements that make a table of each collation."""
    for collation in COLLATIONS:
        charset = collation.partition("_")[0]
        yield (f"CREATE TABLE c_{collation} (id int NOT NULL AUTO_INCREMENT "
               "PRIMARY KEY, name varchar(60), active tinyint NOT NULL "
               f"DEFAULT 1, KEY (name)) CHARACTER SET {charset}"
               f" COLLATE {collation}")


SPELLED_SHAPES = {
    **{f"collation-{collation}": "SELECT id AS nr, name AS home FROM "
       f"c_{collation} WHERE name = '%u' AND active = '1'"
       for collation in COLLATIONS},
    **{f"collations-{one}-{other}": f"SELECT a.id AS nr FROM c_{one} a "
       f"JOIN c_{other} b ON b.id = a.id WHERE a.name = '%u' AND b.name = "
       "'%u'" for one, other in itertools.pairwise((
           "latin1_swedish_ci", "utf8mb4_bin", "utf8mb4_general_ci",
           "ucs2_general_ci", "latin1_bin", "binary", "utf8mb4_uca1400_ai_ci",
           "cp1251_general_ci"))},
}

# Each group of queries, and the names that are asked for.
GROUPS = {
    "conditions": (CONDITIONS, PEOPLE),
    "rows": (ROWS, PEOPLE),
    "selects": (SELECTS, PEOPLE),
    "words": (WORDS, PEOPLE),
    "types": (TYPES, VALUES),
    "collations": (SPELLED_SHAPES, SPELLED),
}


def create(server):
    """The database, and an account of its name that reads it."""
    accounts.SECRETS.add(PASSWORD)
    accounts.create_postfixadmin(server, DATABASE, DATABASE, PASSWORD, "4.x")
    with server.connect(DATABASE) as connection, \
            connection.cursor() as cursor:
        for domain in ("example.org", "Example.org", "example.com"):
            cursor.execute("INSERT IGNORE INTO domain (domain, description,"
                           " transport) VALUES (%s, %s, '')",
                           (domain, "About " + domain))
        accounts.add_domain(connection, "off.example", 0)
        cursor.execute("INSERT INTO alias_domain (alias_domain, target_domain)"
                       " VALUES ('example.com', 'example.org')")
        accounts.add_mailboxes(connection, [
            accounts.mailbox(name, "{PLAIN}" + accounts.RIGHT, active, quota)
            for name, quota, active in MAILBOXES])
        for statement in spelling_tables():
            cursor.execute(statement)
        for collation in COLLATIONS:
            for name in SPELLINGS:
                add_spelling(cursor, collation, name)
    server.run_sql(TABLES + TYPED, DATABASE)


def add_spelling(cursor, collation, name):
    """A row, unless the character set has no such letters."""
    with contextlib.suppress(pymysql.err.DataError):
        cursor.execute(f"INSERT INTO c_{collation} (name) VALUES (%s)", [name])
