/* Addresses as they are compared: many spellings mean one mailbox, and whoever writes an address chooses among them. */
#ifndef BULLA_MAIL_ADDRESS_H
#define BULLA_MAIL_ADDRESS_H

#include <stddef.h>

/* Room for an address with its NUL: twice as much as RFC 5321 (4.5.3.1) allows. */
#define ADDRESS_ROOM 648

/* Without source route, quotes, backslashes, and dots at the end, its domain in lower case; with `fold` its local part, too. The local
 * part ends before a character of `delimiter` (NULL: there is none). Gives the length; what is longer than the room is cut off, so
 * it is whole only if the length is less than the room. `out` may be the address itself. */
size_t address_normal(const char *address, const char *delimiter, int fold, char *out, size_t room);

/* The same of "@" and its domain alone; nothing if it has none. */
size_t address_domain(const char *address, char *out, size_t room);

#endif
