-- The users table of a Courier set-up with crypt passwords, quota in bytes,
-- with room for longer hashes than DES.
CREATE TABLE users (
  email varchar(80) NOT NULL,
  password varchar(128) NOT NULL,
  quota int(10) DEFAULT 10485760,
  PRIMARY KEY (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
