/* The key table: who has which identity, and who is written to in clear because the administrator said so.
 *
 *     bob@b.test    bulla1...              one address
 *     @b.test       /etc/bulla/b.pub       everybody else of a domain; the file holds the identity line
 *     @c.test       clear                  nobody there has a key, and mail to them is not sealed
 */
#ifndef BULLA_MAIL_KEYS_H
#define BULLA_MAIL_KEYS_H

#include <bulla.h>

enum found { FOUND_NOTHING, FOUND_KEY, FOUND_CLEAR };

struct keys;

/* Reads a key table. NULL after it has said on the log what is wrong, and in which line. */
struct keys *keys_read(const char *path);
void keys_free(struct keys *keys);

/* The line of an address, else that of its domain. `identity` belongs to the table. */
enum found keys_find(const struct keys *keys, const char *address, const bulla_public **identity, bulla_key *key);

/* Accepts everybody in the table as a sender. */
bulla_status keys_allow(const struct keys *keys, bulla_policy *policy, bulla_error *error);

#endif
