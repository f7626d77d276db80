-- The tables that this server reads. If yours exist, leave them alone: a
-- password column of 20 characters holds DES hashes only, and wants to be
-- widened before other ones come in.
CREATE TABLE domains (
  domain varchar(50) NOT NULL,
  PRIMARY KEY (domain)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- source: an address or @domain. destination: addresses, with commas between.
CREATE TABLE forwardings (
  source varchar(80) NOT NULL,
  destination text NOT NULL,
  PRIMARY KEY (source)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- quota: bytes
CREATE TABLE users (
  email varchar(80) NOT NULL,
  password varchar(128) NOT NULL,
  quota int(10) DEFAULT 10485760,
  PRIMARY KEY (email)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- domain: a domain or an address. transport: as in transport(5).
CREATE TABLE transport (
  domain varchar(128) NOT NULL DEFAULT '',
  transport varchar(128) NOT NULL DEFAULT '',
  PRIMARY KEY (domain)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
