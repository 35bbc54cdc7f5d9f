/* Lists of addresses, as From and To have them (RFC 5322, 3.4, with what 4.4 calls obsolete). */
#ifndef BULLA_MAIL_ADDRESSES_H
#define BULLA_MAIL_ADDRESSES_H

#include "text.h"

/* Addresses without names, comments and routes. `local`: there was one without "@" besides. `marked`: the value is no list of addresses,
 * so that others may read others in it; the list is then what looks like one outside quotes and comments. */
struct addresses { char **list; size_t count, room; int local, marked, failed; };
void addresses_read(struct addresses *all, const char *value);
void addresses_free(struct addresses *all);

/* For a value that is marked: whether `is` gives 1 for anything that somebody could take for an address in it, in quotes, comments and
 * broken words, too. What has no local part is given as "@domain". 1, 0, or -1 for want of memory. */
int addresses_mention(const char *value, int (*is)(const void *about, const char *address), const void *about);

/* The addresses of a value such as "Bob <bob@b.test>, carol@c.test", separated by ", ": no names, no comments. */
void addresses_write(struct text *out, const char *value);
/* The first of them, in lower case; empty if there is none. */
void address_first(struct text *out, const char *value);

#endif
