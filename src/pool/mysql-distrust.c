/* SPDX-License-Identifier: MIT */
/*
 * Checks of what the server sent, where Connector/C makes none. They are about
 * the form of packets; what the values mean is decided far above.
 */
#include "pool/mysql-distrust.h"

#ifdef MARIADB_BASE_VERSION
#include <ma_pvio.h>

#include <poll.h>
#include <stddef.h>

#define PACKET_HEADER_LENGTH 4
#define PACKET_ROW 0x00
#define PACKET_EOF 0xfe
/* its warnings and its status, two bytes each */
#define PACKET_EOF_LENGTH 5

struct packet {
	const unsigned char *pos, *end;
};

/* What the library has read ahead of what it has looked at. */
static size_t unread(const MARIADB_PVIO *pvio)
{
	const unsigned char *end = pvio->cache + pvio->cache_size;

	return pvio->cache != NULL && pvio->cache_pos < end ?
		(size_t)(end - pvio->cache_pos) : 0;
}

size_t mysql_distrust_mark(MYSQL *mysql)
{
	const MARIADB_PVIO *pvio = mysql->net.pvio;

	return pvio == NULL ? 0 : pvio->bytes_read - unread(pvio);
}

/* The packet that was read since then: the library keeps it, but not its
   length. */
static struct packet packet_since(const MYSQL_STMT *stmt, size_t mark)
{
	const unsigned char *pos = stmt->mysql->net.read_pos;
	size_t length = mysql_distrust_mark(stmt->mysql) - mark;

	return (struct packet) {
		.pos = pos,
		.end = length < PACKET_HEADER_LENGTH ? pos :
			pos + length - PACKET_HEADER_LENGTH,
	};
}

static bool packet_skip(struct packet *packet, unsigned long long size)
{
	if (size > (size_t)(packet->end - packet->pos))
		return false;
	packet->pos += size;
	return true;
}

/* Skips a value with its length in front: one byte, or the number of bytes
   that hold it. */
static bool packet_skip_string(struct packet *packet)
{
	static const struct {
		unsigned char first;
		unsigned int bytes;
	} forms[] = { { 0xfc, 2 }, { 0xfd, 3 }, { 0xfe, 8 } };
	const unsigned char *length = packet->pos + 1;
	unsigned long long size;
	unsigned int bytes = 0;
	size_t i;

	if (packet->pos == packet->end)
		return false;
	size = *packet->pos;
	if (size == 0xfb || size == 0xff)
		return false;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (size == forms[i].first)
			bytes = forms[i].bytes;
	}
	if (!packet_skip(packet, 1 + bytes))
		return false;
	if (bytes > 0)
		size = 0;
	while (bytes-- > 0)
		size = size << 8 | length[bytes];
	return packet_skip(packet, size);
}

static bool packet_skip_value(struct packet *packet,
			      enum enum_field_types type)
{
	switch (type) {
	case MYSQL_TYPE_NULL:
		return true;
	case MYSQL_TYPE_TINY:
		return packet_skip(packet, 1);
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_YEAR:
		return packet_skip(packet, 2);
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_FLOAT:
		return packet_skip(packet, 4);
	case MYSQL_TYPE_LONGLONG:
	case MYSQL_TYPE_DOUBLE:
		return packet_skip(packet, 8);
	default:
		return packet_skip_string(packet);
	}
}

/* With client_flags or an option file that ask for it: then the bytes that were
   read are not those of the packet. */
static bool is_compressed(const MYSQL_STMT *stmt)
{
	return stmt->mysql->net.compress != 0;
}

bool mysql_distrust_row(const MYSQL_STMT *stmt, size_t mark)
{
	struct packet packet = packet_since(stmt, mark);
	const unsigned char *nulls = packet.pos + 1;
	unsigned int i, bit;

	if (is_compressed(stmt))
		return true;
	if (!packet_skip(&packet, 1 + (stmt->field_count + 9) / 8) ||
	    nulls[-1] != PACKET_ROW)
		return false;
	for (i = 0; i < stmt->field_count; i++) {
		/* the first two bits are not used */
		bit = i + 2;
		if ((nulls[bit / 8] & 1U << bit % 8) == 0 &&
		    !packet_skip_value(&packet, stmt->fields[i].type))
			return false;
	}
	return packet.pos == packet.end;
}

bool mysql_distrust_end(const MYSQL_STMT *stmt, size_t mark)
{
	struct packet packet = packet_since(stmt, mark);

	return is_compressed(stmt) ||
		(packet.end - packet.pos == PACKET_EOF_LENGTH &&
		 *packet.pos == PACKET_EOF);
}

bool mysql_distrust_silence(MYSQL *mysql)
{
	const MARIADB_PVIO *pvio = mysql->net.pvio;
	struct pollfd fd = {
		.fd = mysql_get_socket(mysql),
		.events = POLLIN,
	};

	return (pvio == NULL || unread(pvio) == 0) && poll(&fd, 1, 0) <= 0;
}
#else
size_t mysql_distrust_mark(MYSQL *mysql)
{
	(void)mysql;
	return 0;
}

bool mysql_distrust_row(const MYSQL_STMT *stmt, size_t mark)
{
	(void)stmt;
	(void)mark;
	return true;
}

bool mysql_distrust_end(const MYSQL_STMT *stmt, size_t mark)
{
	(void)stmt;
	(void)mark;
	return true;
}

bool mysql_distrust_silence(MYSQL *mysql)
{
	(void)mysql;
	return true;
}
#endif
