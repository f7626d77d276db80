/* SPDX-License-Identifier: MIT */
/*
 * Stored password -> Dovecot scheme, by tables: the schemes Dovecot knows, the
 * "$id$" of crypt strings, and what each value of PostfixAdmin's
 * $CONF['encrypt'] leaves in the table. To add a scheme is to add a row. Never
 * sees a password typed by a client and verifies nothing. Called by account.c
 * for each row, and by hash.c.
 */
#include "core/scheme.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define HEX_DIGITS "0123456789abcdefABCDEF"
#define CRYPT_BASE64 "./0123456789" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DES_CRYPT_LEN 13
#define MD5_HEX_LEN 32

/* Names and classes: Dovecot 2.3.19 src/auth/password-scheme*.c, weakness:
   2.4.1 src/lib-auth/password-scheme*.c */
static const struct scheme schemes[] = {
	{ "PLAIN", SCHEME_TEXT, 0, false },
	{ "CLEAR", SCHEME_TEXT, 0, false },
	{ "CLEARTEXT", SCHEME_TEXT, 0, false },
	{ "PLAIN-TRUNC", SCHEME_TEXT, 0, false },
	{ "CRYPT", SCHEME_CRYPT, 0, false },
	{ "DES-CRYPT", SCHEME_CRYPT, 0, true },
	{ "MD5-CRYPT", SCHEME_MD5_CRYPT, 0, true },
	{ "BLF-CRYPT", SCHEME_BCRYPT, 0, false },
	{ "SHA256-CRYPT", SCHEME_CRYPT, 0, false },
	{ "SHA512-CRYPT", SCHEME_CRYPT, 0, false },
	{ "ARGON2I", SCHEME_ARGON2, 0, false },
	{ "ARGON2ID", SCHEME_ARGON2, 0, false },
	{ "MD5", SCHEME_MD5, 32, true },
	{ "PLAIN-MD5", SCHEME_DIGEST, 32, true },
	{ "LDAP-MD5", SCHEME_DIGEST, 32, true },
	{ "PLAIN-MD4", SCHEME_DIGEST, 32, true },
	{ "DIGEST-MD5", SCHEME_DIGEST, 32, false },
	{ "SMD5", SCHEME_DIGEST, 0, true },
	{ "SHA", SCHEME_DIGEST, 40, false },
	{ "SHA1", SCHEME_DIGEST, 40, false },
	{ "SSHA", SCHEME_DIGEST, 0, false },
	{ "SHA256", SCHEME_DIGEST, 64, false },
	{ "SSHA256", SCHEME_DIGEST, 0, false },
	{ "SHA512", SCHEME_DIGEST, 128, false },
	{ "SSHA512", SCHEME_DIGEST, 0, false },
	{ "CRAM-MD5", SCHEME_DIGEST, 64, false },
	{ "HMAC-MD5", SCHEME_DIGEST, 64, true },
	{ "SCRAM-SHA-1", SCHEME_SCRAM_SHA1, 0, false },
	{ "SCRAM-SHA-256", SCHEME_SCRAM_SHA256, 0, false },
	{ "PBKDF2", SCHEME_PBKDF2, 0, false },
	{ "OTP", SCHEME_OTP, 0, false },
};

/* The encodings a prefix may name behind the scheme. */
static const char *const encodings[] = { "B64", "BASE64", "HEX" };

/*
 * How crypt strings begin. The scheme is the one for a bare string and for one
 * with a prefix that cannot be right (php_crypt with a PREFIX of another
 * method); other prefixes that verify it as well stay as they are.
 */
static const struct crypt_id {
	const char *id;
	const char *scheme;
	const char *also[2];
	/* whether the id contradicts a prefix: the others occur only bare */
	bool overrides;
} crypt_ids[] = {
	{ "$1$", "MD5-CRYPT", { "CRYPT", "MD5" }, true },
	{ "$2a$", "BLF-CRYPT", { "CRYPT", NULL }, true },
	{ "$2b$", "BLF-CRYPT", { "CRYPT", NULL }, true },
	{ "$2x$", "BLF-CRYPT", { "CRYPT", NULL }, true },
	{ "$2y$", "BLF-CRYPT", { "CRYPT", NULL }, true },
	{ "$5$", "SHA256-CRYPT", { "CRYPT", NULL }, true },
	{ "$6$", "SHA512-CRYPT", { "CRYPT", NULL }, true },
	{ "$argon2i$", "ARGON2I", { NULL, NULL }, false },
	{ "$argon2id$", "ARGON2ID", { NULL, NULL }, false },
};

/*
 * The values of $CONF['encrypt'] that name no Dovecot scheme. Most write
 * strings whose shape says it all. Values are compared as they are first, then
 * without case.
 */
static const struct encrypt_value {
	const char *name;
	struct scheme_hint hint;
} encrypt_values[] = {
	/* 3.x stores the text itself. 4.x puts {CLEARTEXT} in front, but rows
	   of 3.x stay, and say nothing of themselves. */
	{ "cleartext", { "PLAIN", NULL } },
	{ "md5crypt", { NULL, NULL } },
	{ "md5", { NULL, NULL } },
	{ "system", { NULL, NULL } },
	{ "mysql_encrypt", { NULL, NULL } },
	{ "sha512.b64", { "SHA512-CRYPT.B64", NULL } },
	{ "MD5RAW", { NULL, NULL } },
	{ "authlib", { NULL, NULL } },
	{ "authlib:md5raw", { NULL, NULL } },
	{ "authlib:md5", { NULL, NULL } },
	{ "authlib:SHA", { NULL, NULL } },
	{ "authlib:crypt", { NULL, NULL } },
	{ "courier:md5", { NULL, NULL } },
	{ "courier:md5raw", { NULL, NULL } },
	{ "courier:ssha", { NULL, NULL } },
	{ "courier:sha1", { NULL, NULL } },
	{ "courier:sha256", { NULL, NULL } },
};

/* "php_crypt[:METHOD[:difficulty[:PREFIX]]]" */
static const char *const php_crypt_methods[] = {
	"DES", "MD5", "BLOWFISH", "SHA256", "SHA512",
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool name_equals(const char *name, size_t len, const char *wanted)
{
	/* for most names, the first letter tells */
	return ((name[0] ^ wanted[0]) & ~0x20) == 0 &&
		strncasecmp(name, wanted, len) == 0 && wanted[len] == '\0';
}

static bool encoding_known(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(encodings); i++) {
		if (name_equals(name, len, encodings[i]))
			return true;
	}
	return false;
}

/* name may end in ".B64" and the like. NULL if Dovecot does not know it. */
static const struct scheme *scheme_find_len(const char *name, size_t len)
{
	const char *dot = memchr(name, '.', len);
	const size_t base_len = dot == NULL ? len : (size_t)(dot - name);

	if (dot != NULL && !encoding_known(dot + 1, len - base_len - 1))
		return NULL;
	for (size_t i = 0; i < COUNT(schemes); i++) {
		if (name_equals(name, base_len, schemes[i].name))
			return &schemes[i];
	}
	return NULL;
}

const struct scheme *scheme_find(const char *name)
{
	return scheme_find_len(name, strlen(name));
}

/* What is stored is "$id$...". */
static bool holds_crypt(const struct scheme *scheme)
{
	switch (scheme->class) {
	case SCHEME_CRYPT:
	case SCHEME_BCRYPT:
	case SCHEME_MD5_CRYPT:
	case SCHEME_ARGON2:
		return true;
	default:
		return false;
	}
}

/* What is stored is hex or base64, in which no "$" occurs. */
static bool holds_digest(const struct scheme *scheme)
{
	return scheme->class == SCHEME_DIGEST || scheme->class == SCHEME_MD5;
}

static const struct crypt_id *crypt_id_find(const char *str)
{
	for (size_t i = 0; i < COUNT(crypt_ids); i++) {
		if (strncmp(str, crypt_ids[i].id,
			    strlen(crypt_ids[i].id)) == 0)
			return &crypt_ids[i];
	}
	return NULL;
}

/* "$id$..." of a method that is not in the table, such as yescrypt's "$y$" */
static bool is_other_crypt(const char *str)
{
	size_t len;

	if (*str != '$')
		return false;
	len = strspn(str + 1, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return len > 0 && str[1 + len] == '$';
}

static bool is_hex(const char *str, size_t len)
{
	return strlen(str) == len && strspn(str, HEX_DIGITS) == len;
}

static bool is_des_crypt(const char *str)
{
	return strlen(str) == DES_CRYPT_LEN &&
		strspn(str, CRYPT_BASE64) == DES_CRYPT_LEN;
}

static const struct encrypt_value *encrypt_value_find(const char *encrypt)
{
	for (size_t i = 0; i < COUNT(encrypt_values); i++) {
		if (strcmp(encrypt_values[i].name, encrypt) == 0)
			return &encrypt_values[i];
	}
	/* the spelling of clear text is taken exactly, see hint_of_scheme() */
	for (size_t i = 1; i < COUNT(encrypt_values); i++) {
		if (strcasecmp(encrypt_values[i].name, encrypt) == 0)
			return &encrypt_values[i];
	}
	return NULL;
}

static bool is_php_crypt(const char *encrypt)
{
	static const char prefix[] = "php_crypt";
	size_t len;

	if (strncasecmp(encrypt, prefix, sizeof(prefix) - 1) != 0)
		return false;
	encrypt += sizeof(prefix) - 1;
	if (*encrypt == '\0')
		return true;
	if (*encrypt++ != ':')
		return false;
	len = strcspn(encrypt, ":");
	for (size_t i = 0; i < COUNT(php_crypt_methods); i++) {
		if (name_equals(encrypt, len, php_crypt_methods[i]))
			return true;
	}
	return false;
}

/*
 * "dovecot:SCHEME", and 4.x's plain "SCHEME": early versions of PostfixAdmin
 * stored the former without prefix, so a bare string of no other shape is of
 * that scheme. Not if that would be clear text: both store it with a prefix,
 * and a hash left over from another setting would become a password.
 */
static bool hint_of_scheme(const char *name, struct scheme_hint *hint_r)
{
	const struct scheme *scheme = scheme_find(name);

	if (scheme == NULL)
		return false;
	*hint_r = (struct scheme_hint) { NULL, NULL };
	if (scheme->hex_len > MD5_HEX_LEN)
		hint_r->hex = scheme->name;
	if (scheme->class != SCHEME_TEXT &&
	    (!holds_crypt(scheme) || strchr(name, '.') != NULL))
		hint_r->bare = name;
	return true;
}

int scheme_hint_parse(const char *encrypt, struct scheme_hint *hint_r,
		      struct errbuf *error)
{
	static const char dovecot[] = "dovecot:", flavour[] = "authlib/";
	const struct encrypt_value *value;
	char authlib[sizeof("authlib:") + 8] = "authlib:";

	/* 4.x does not care about case */
	if (strncasecmp(encrypt, dovecot, sizeof(dovecot) - 1) == 0) {
		if (hint_of_scheme(encrypt + sizeof(dovecot) - 1, hint_r))
			return 0;
		return errbuf_set(error, "%.60s names a scheme that "
				  "Dovecot does not have: doveadm pw -l lists "
				  "them", encrypt);
	}
	if (strncasecmp(encrypt, flavour, sizeof(flavour) - 1) == 0) {
		strncat(authlib, encrypt + sizeof(flavour) - 1, 8);
		value = encrypt_value_find(authlib);
	} else {
		value = encrypt_value_find(encrypt);
	}
	*hint_r = (struct scheme_hint) { NULL, NULL };
	if (value != NULL)
		*hint_r = value->hint;
	else if (!is_php_crypt(encrypt) && !hint_of_scheme(encrypt, hint_r))
		return errbuf_set(error, "%.60s is not known: write "
				  "the value of PostfixAdmin's "
				  "$CONF['encrypt'], such as php_crypt, "
				  "md5crypt, dovecot:SHA512-CRYPT or cleartext",
				  encrypt);
	return 0;
}

static const struct scheme_refusal empty = {
	"password_empty", "its password is empty" };
static const struct scheme_refusal empty_behind_scheme = {
	"password_empty", "its password is empty behind the {SCHEME}" };
static const struct scheme_refusal unknown_hex = {
	"scheme_unknown", "its password is bare hex digits of a scheme that "
	"encrypt does not tell" };
static const struct scheme_refusal unknown_shape = {
	"scheme_unknown", "its password has neither a {SCHEME} nor a shape "
	"that tells the scheme (if the table holds clear text, set "
	"encrypt = cleartext)" };

static const struct scheme_refusal *append(struct strbuf *out,
					   const char *scheme,
					   const char *rest)
{
	strbuf_append_c(out, '{');
	strbuf_append_str(out, scheme);
	strbuf_append_c(out, '}');
	strbuf_append_str(out, rest);
	return NULL;
}

/* All digits are hex and the length is that of some digest. */
static bool is_hex_digest(const char *stored)
{
	return is_hex(stored, 40) || is_hex(stored, 64) || is_hex(stored, 128);
}

static const char *hex_scheme(const char *stored,
			      const struct scheme_hint *hint)
{
	const struct scheme *scheme;

	if (hint->hex == NULL)
		return NULL;
	scheme = scheme_find(hint->hex);
	return scheme != NULL && is_hex(stored, scheme->hex_len) ?
		hint->hex : NULL;
}

static const struct scheme_refusal *
normalize_bare(const char *stored, const struct scheme_hint *hint,
	       struct strbuf *out)
{
	const struct crypt_id *id = crypt_id_find(stored);
	const char *scheme;

	if (id != NULL)
		return append(out, id->scheme, stored);
	if (is_other_crypt(stored))
		return append(out, "CRYPT", stored);
	if (is_hex(stored, MD5_HEX_LEN))
		return append(out, "PLAIN-MD5", stored);
	if (is_hex_digest(stored)) {
		scheme = hex_scheme(stored, hint);
		if (scheme == NULL)
			return &unknown_hex;
		return append(out, scheme, stored);
	}
	if (is_des_crypt(stored))
		return append(out, "DES-CRYPT", stored);
	if (hint->bare == NULL)
		return &unknown_shape;
	return append(out, hint->bare, stored);
}

static bool prefix_allows(const struct crypt_id *id, const char *name,
			  size_t len)
{
	if (name_equals(name, len, id->scheme))
		return true;
	for (size_t i = 0; i < COUNT(id->also) && id->also[i] != NULL; i++) {
		if (name_equals(name, len, id->also[i]))
			return true;
	}
	return false;
}

/* stored is "{name}rest" with a scheme Dovecot knows. */
static const struct scheme_refusal *
normalize_known(const char *stored, const struct scheme *scheme,
		size_t name_len, struct strbuf *out)
{
	const char *rest = stored + 1 + name_len + 1;
	const struct crypt_id *id = NULL;

	if (*rest == '\0')
		return &empty_behind_scheme;
	/* elsewhere it only looks like one, as in {PBKDF2}$1$ */
	if (holds_crypt(scheme) || holds_digest(scheme))
		id = crypt_id_find(rest);
	if (id != NULL && id->overrides &&
	    !prefix_allows(id, stored + 1, name_len))
		return append(out, id->scheme, rest);
	strbuf_append_str(out, stored);
	return NULL;
}

const struct scheme_refusal *
scheme_normalize(const char *stored, const struct scheme_hint *hint,
		 struct strbuf *out)
{
	const bool clear_text = hint->bare != NULL &&
		strcmp(hint->bare, "PLAIN") == 0;
	const char *end = *stored == '{' ? strchr(stored, '}') : NULL;
	const struct scheme *scheme;
	size_t len;

	if (*stored == '\0')
		return &empty;
	if (end == NULL) {
		return clear_text ? append(out, "PLAIN", stored) :
			normalize_bare(stored, hint, out);
	}

	len = end - stored - 1;
	scheme = scheme_find_len(stored + 1, len);
	if (scheme != NULL)
		return normalize_known(stored, scheme, len, out);
	/* Courier's name for it, which Dovecot does not know */
	if (name_equals(stored + 1, len, "md5raw") &&
	    is_hex(end + 1, MD5_HEX_LEN))
		return append(out, "PLAIN-MD5", end + 1);
	if (clear_text)
		return append(out, "PLAIN", stored);
	if (end[1] == '\0')
		return &empty_behind_scheme;
	strbuf_append_str(out, stored);
	return NULL;
}
