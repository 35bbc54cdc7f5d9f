/* The header of a message: its fields, and what two headers say differently. */
#ifndef BULLA_MAIL_HEADER_H
#define BULLA_MAIL_HEADER_H

#include "addresses.h"
#include "text.h"

/* More than any mail has: what goes through a header more than once has an end. */
#define MOST_FIELDS 2000
#define MOST_HEADER ((size_t)1 << 20)

/* A field is "name:value"; the value has the white space after the colon, and LF and white space where it is folded. `failed`: there
 * was no memory; `excess`: there were more fields, or longer ones, than are taken. */
struct field { char *name, *value; };
struct header { struct field *fields; size_t count, room, bytes; int failed, excess; };

void header_add(struct header *header, const char *name, size_t name_length, const char *value, size_t value_length);
void header_free(struct header *header); /* wipes */

/* Reads the header of a message whose lines end with LF or CRLF. Gives where the body begins, or -1 if a line in the header is
 * neither a field nor its continuation. */
long header_parse(struct header *header, const char *message, size_t length);
/* As mail servers do it: with such a line the body begins. -1 only with `failed` or `excess`. */
long header_read(struct header *header, const char *message, size_t length);

/* The value of the first field of this name without white space around it; NULL if there is none. Free it. */
char *header_value(const struct header *header, const char *name);
size_t header_count(const struct header *header, const char *name);
/* All fields, with this line end. */
void header_write(const struct header *header, struct text *out, const char *end);

/* Which of From, To, Date and Message-ID differ, as words; nothing if none does. What the inner message does not have is not
 * compared: mail servers add it. */
void headers_differ(struct text *out, const struct header *outer, const struct header *inner);

#endif
